"""Part 4: how long one referral waits on an idle system, and how long ten thousand that came while nobody was there."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from deploy.nats import server, topology
from deploy.premises import equip
from deploy.world.places import ORGANISATIONS, PROGRAMME
from shared import clock, names
from tests.bench import crowd
from tests.bench.figures import Line, Spread
from tests.bench.house import House, house
from tests.bench.posters import posters, written
from tests.bench.postgres import Server, postgres
from tests.bench.processes import Meter, cpu_seconds

BREATH = 0.05
"""Seconds between one single and the next: long enough for what follows an offer to be over."""

ROOM_FOR = 10
"""One in so many of a backlog finds a supporter; the others wait, and are told what is open meanwhile."""


async def singles(folder: Path, *, rounds: int, count: int, databases: tuple[str, ...], tell: Any) -> list[Line]:
    """The milliseconds between a post and its offer on the bus, one after another."""
    found: dict[tuple[str, str], list[float]] = {}
    async with AsyncExitStack() as stack:
        pg = await stack.enter_async_context(postgres())
        houses = {}
        for kind in databases:
            idle = house(folder / kind, answering=False, **await pg.home(kind, "idle"))
            houses[kind] = await stack.enter_async_context(idle)
        for each in houses.values():
            await each.prepare((rounds + 1) * count)
            await _waits(each, 20)
        for number in range(rounds):
            for kind, each in houses.items():
                cuts = quantiles(await _waits(each, count), n=100, method="inclusive")
                found.setdefault((kind, "p50"), []).append(cuts[49])
                found.setdefault((kind, "p99"), []).append(cuts[98])
                tell(f"round {number + 1}: {kind}: posted to offered p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms")
    return [
        Line("latency", f"posted to offered on an idle system, {kind}, {which}", Spread(tuple(values)), "ms")
        for (kind, which), values in found.items()
    ]


async def _waits(real: House, count: int) -> list[float]:
    """Milliseconds for each of `count` referrals, posted when the one before is offered and quiet."""
    found = []
    for post in written(crowd.referrals(real.referred, count)):
        begun = clock.real()
        await real.posters.post([post])
        _, offered = await asyncio.wait_for(real.offers.get(), 30)
        found.append(1000 * (offered - begun).total_seconds())
        await asyncio.sleep(BREATH)
    real.referred += count
    return found


@dataclass(frozen=True)
class Recovery:
    """How a backlog was worked off: the services' own start is in the seconds."""

    seconds: float
    letters: int
    cpu: float


async def backlog(folder: Path, *, rounds: int, count: int, databases: tuple[str, ...], tell: Any) -> list[Line]:
    """Seconds from starting the services on a full ingest stream until everybody is decided on and all is told."""
    found: dict[str, list[Recovery]] = {each: [] for each in databases}
    async with postgres() as pg:
        for number in range(rounds):
            for kind in databases:
                told = await _recovery(folder / f"{kind}-{number}", pg, kind, f"late{number}", count)
                found[kind].append(told)
                tell(f"round {number + 1}: {kind}: {count} drained in {told.seconds:.1f} s, {told.letters} letters")
    return [line for kind, some in found.items() for line in _told(kind, count, some)]


def _told(kind: str, count: int, some: list[Recovery]) -> list[Line]:
    seconds = Spread(tuple(each.seconds for each in some))
    letters = Spread(tuple(each.letters / each.seconds for each in some))
    cpu = Spread(tuple(1000 * each.cpu / count for each in some))
    return [
        Line("backlog", f"backlog of {count:,} worked off, start included, {kind}", seconds, "s", cpu),
        Line("backlog", f"letters taken meanwhile, {kind}", letters, "letters/s"),
    ]


async def _recovery(data: Path, pg: Server, kind: str, whose: str, count: int) -> Recovery:
    premises = equip(data, programme=PROGRAMME)
    broker = server.start(premises.broker)
    try:
        await topology.declare(broker.url, premises.admin_seed, ORGANISATIONS)
        home = await pg.home(kind, whose)
        home["others"] = {**home["others"], "nats-server": broker.process.pid}
        async with house(data, answering=False, nats=broker.url, **home) as before:
            await before.prepare(count // ROOM_FOR)
        async with posters(broker.url, premises.broker.seeds) as referring:
            await referring.post(written(crowd.referrals(0, count)))
        meter, begun = Meter(home["others"]), clock.real()
        async with house(data, answering=False, nats=broker.url, **home) as after:
            await _until_decided(after, count)
            seconds = (clock.real() - begun).total_seconds()
            # The services were born meanwhile: all that they used is theirs.
            services = sum(cpu_seconds(after.pids[each]) for each in names.SERVICES)
            return Recovery(seconds, await _letters(after), sum(meter.read().values()) + services)
    finally:
        broker.stop()


async def _until_decided(real: House, count: int) -> None:
    taken = 0
    while taken < count:
        await asyncio.sleep(0.1)
        taken = (await real.stores["matching"].rows("select count(*) from referrals"))[0][0]
    await real.at_rest()


async def _letters(real: House) -> int:
    """How many letters all services' consumers were handed."""
    ingests = map(names.ingest_stream, crowd.POSTERS)
    total = 0
    for stream in (*map(names.stream, names.SERVICES), names.SEALED_STREAM, *ingests):
        answer = await real.admin.request(f"$JS.API.CONSUMER.LIST.{stream}", b"{}", timeout=5)
        total += sum(each["ack_floor"]["consumer_seq"] for each in json.loads(answer.data).get("consumers") or [])
    return total
