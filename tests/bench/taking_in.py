"""What one referral costs at the edge: read, checked and mapped, by dialect; and created over HTTP, commit included."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

from services.referrals.reading import read
from shared import clock, names
from tests.bench import crowd
from tests.bench.figures import Line, Spread
from tests.bench.house import house
from tests.bench.postgres import postgres
from tests.bench.processes import Meter, family
from tests.referrals.pipes import message

SECONDS = 2.0
"""For how long each is read in a round."""

AT_ONCE = 64
"""Posts under way at a time, from organisations that take turns."""

AT_ANY_PACE = (
    ("ALONGSIDE_REFERRALS_REQUESTS_PER_SECOND", "100000"),
    ("ALONGSIDE_REFERRALS_REQUESTS_AT_ONCE", "100000"),
)
POSTERS = ("general-hospital", "eastside-clinic", "riverside-hospital", "harbor-centre")


def request() -> bytes:
    """A ServiceRequest that contains its Patient and their Coverage."""
    return crowd.body(crowd.referrals(1, 1)[0])


def bundle() -> bytes:
    """A transaction of 70 kB: a request, its Patient, and a record of which we read little."""
    asked = json.loads(request())
    patient, *others = asked.pop("contained")
    asked["subject"] = {"reference": "Patient/patient"}
    record = [
        {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "subject": {"reference": "Patient/patient"},
            "code": {"coding": [{"system": "http://loinc.org", "code": f"{number}-0", "display": "Result"}]},
            "valueQuantity": {"value": number, "unit": "mg/dL"},
            "note": [{"text": "A comment of the laboratory, as there are many in a record. " * 3}],
        }
        for number in range(130)
    ]
    resources = [patient, *others, *record, asked]
    entries = [{"resource": each, "request": {"method": "POST", "url": each["resourceType"]}} for each in resources]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def pipes() -> bytes:
    """A REF^I12 of 6 kB, with results and their comments."""
    results = [
        f"OBX|{number}|NM|{number}-0^Result {number}^LN||{number}|mg/dL^milligram per decilitre^UCUM|1-9||||F"
        f"|||20260301093000-0500||123^WARD^ROBIN^^^DR|||||GENERAL HOSPITAL LABORATORY"
        for number in range(33)
    ]
    return message(
        "OBR|1|||24323-8^Comprehensive metabolic panel^LN", *results, NK1="NK1|1|DOE^MARY|MTH^MOTHER^HL70063"
    )


WRITTEN: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "ServiceRequest with Patient": (request, "application/fhir+json", 3000),
    "Bundle": (bundle, "application/fhir+json", 500),
    "REF^I12": (pipes, "application/hl7-v2", 250),
}
"""Each dialect: what is read, its content type, and how many a second are aimed at."""


def reading(*, rounds: int, tell: Any) -> list[Line]:
    """How many of each a second one core reads, checks and maps."""
    found: dict[str, list[float]] = {name: [] for name in WRITTEN}
    sizes = {name: len(make()) for name, (make, _, _) in WRITTEN.items()}
    for _ in range(rounds):
        for name, (make, media, _) in WRITTEN.items():
            found[name].append(_rate(make(), media))
    lines = []
    for name, rates in found.items():
        what = f"{name} of {sizes[name] / 1000:.1f} kB read, checked and mapped, one core"
        lines.append(Line("reading", what, Spread(tuple(rates)), "a second", against=f"aim {WRITTEN[name][2]:,}"))
        tell(f"{what}: {lines[-1].value.told()}/s")
    return lines


def _rate(raw: bytes, media: str) -> float:
    read(raw, media)
    begun, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - begun) < SECONDS:
        for _ in range(10):
            read(raw, media)
        count += 10
    return count / elapsed


async def creating(folder: Path, *, rounds: int, count: int, databases: tuple[str, ...], tell: Any) -> list[Line]:
    """How many referrals a second are created over HTTP, each answered after its commit."""
    found: dict[str, list[float]] = {each: [] for each in databases}
    cpu: dict[str, list[float]] = {each: [] for each in databases}
    async with AsyncExitStack() as stack:
        pg = await stack.enter_async_context(postgres())
        for kind in databases:
            home = await pg.home(kind, "created")
            real = await stack.enter_async_context(house(folder / kind, answering=False, extra=AT_ANY_PACE, **home))
            for number in range(rounds + 1):
                posts = _posts(crowd.referrals(real.referred, count))
                real.referred += count
                with _listeners_resting(real.pids):
                    meter, begun = Meter(real.pids), clock.real()
                    await _create(real, posts)
                    seconds, used = (clock.real() - begun).total_seconds(), meter.read()
                await real.at_rest()
                if number:
                    found[kind].append(count / seconds)
                    cpu[kind].append(1000 * used["referrals"] / count)
            tell(f"{kind}: {found[kind][-1]:.0f} created a second over HTTP")
    return [
        Line(
            "creating",
            f"referrals created over HTTP, commit included, {kind}",
            Spread(tuple(found[kind])),
            "a second",
            Spread(tuple(cpu[kind])),
            against="aim 300; CPU of the service alone, its listeners resting",
        )
        for kind in databases
    ]


@contextmanager
def _listeners_resting(pids: Mapping[str, int]) -> Iterator[None]:
    """Let the services that hear of a referral wait meanwhile: what they do is no part of creating it."""
    listeners = [one for name in names.SERVICES if name != "referrals" for one in family(pids[name])]
    for each in listeners:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in listeners:
            os.kill(each, signal.SIGCONT)


def _posts(people: list[Any]) -> list[tuple[str, bytes]]:
    """Who posts what: written before the clock starts."""
    turns = zip(people, cycle(POSTERS), strict=False)
    return [(whose, crowd.body(replace(person, organisation=whose))) for person, whose in turns]


async def _create(real: Any, posts: list[tuple[str, bytes]]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)
    headers = {"Content-Type": "application/fhir+json"}

    async def post(whose: str, body: bytes) -> None:
        async with turns:
            answer = await real.edges.call(
                "POST", "referrals", "/fhir/ServiceRequest", by=whose, data=body, headers=headers
            )
            if answer.status != 201:
                raise RuntimeError(f"a referral was answered {answer.status}")

    await asyncio.gather(*(post(*each) for each in posts))
