"""What becomes of each message that others wrote: `python -m tests.referrals.verdicts` writes docs/verdicts.md."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared import clock
from shared.database import Database
from tests.referrals.makers import NOW, SAMPLES, Desk, bundle, desk_on, patient, request

PAGE = Path(__file__).parents[2] / "docs" / "verdicts.md"
HEAD = """# What becomes of messages that others wrote

Public examples of FHIR R4, US Core, Gravity SDOHCC, BSeR, HL7's behavioral health profiles, and REF messages of
Microsoft's FHIR-Converter, posted as they are: requests, Tasks and Bundles where they belong, and everything else
beside a referral of somebody, in one transaction. `tests/referrals/test_verdicts.py` posts them all and holds this page
to what happens.

*Accepted*: goes on to matching. *Held*: a person at the programme looks or asks. *Declined*: understood, and not for
peer support. *Refused*: cannot be read as a referral, with the element and the remedy.

| file | verdict |
|---|---|
"""


def files() -> Iterator[Path]:
    """Every sample, folder by folder."""
    yield from sorted(each for each in SAMPLES.glob("*/*") if each.suffix in (".json", ".hl7"))


async def verdicts() -> dict[str, str]:
    """What becomes of each sample, by file, at a programme that takes them in one after another."""
    clock.step_to(NOW)
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{folder}/store.sqlite")
        async with desk_on(database, Path(folder)) as desk:
            return {
                str(each.relative_to(SAMPLES)): await _verdict(desk, _name(each), each.read_bytes()) for each in files()
            }


def _name(path: Path) -> str:
    return str(path.relative_to(SAMPLES))


async def _verdict(desk: Desk, name: str, raw: bytes) -> str:
    if name.endswith(".hl7"):
        await desk.post_on_bus(raw, media="application/hl7-v2")
        return _told((await desk.told())[-1])
    posted, where = _posted(json.loads(raw), name)
    answer = await desk.refer(posted, path=where)
    if answer.status_code >= 400:
        return _told(answer.json())
    return "; ".join([_told(await desk.task(each)) for each in _ids(answer.json())])


def _posted(content: dict[str, Any], name: str) -> tuple[Any, str]:
    kind = content["resourceType"]
    if kind in ("ServiceRequest", "Task"):
        return content, f"/fhir/{kind}"
    if kind == "Bundle":
        return content, "/fhir/$process-message" if content.get("type") == "message" else "/fhir"
    whom = content if kind == "Patient" else patient()
    about = request(name, contained=[], subject={"reference": f"Patient/{whom['id']}"})
    return bundle(whom, about, *([] if kind == "Patient" else [content])), "/fhir"


def _ids(told: dict[str, Any]) -> list[str]:
    """The ids of the referrals that an answer names."""
    if told["resourceType"] != "Bundle":
        return [told["id"]]
    places = [each.get("response", {}).get("location", "") for each in told["entry"]]
    tasks = [each["resource"]["id"] for each in told["entry"] if each.get("resource", {}).get("resourceType") == "Task"]
    return [each.removeprefix("ServiceRequest/") for each in places if each.startswith("ServiceRequest/")] + tasks


BAR = "\\|"
VERDICTS = {"accepted": "accepted", "on-hold": "held", "rejected": "declined", "cancelled": "taken back"}


def _told(body: dict[str, Any]) -> str:
    if body["resourceType"] == "OperationOutcome":
        return f"refused: {body['issue'][0]['diagnostics']}"
    why = body.get("statusReason", {}).get("text", "")
    return VERDICTS.get(body["status"], body["status"]) + (f": {why}" if why else "")


async def page() -> str:
    """The whole page."""
    rows = [f"| `{path}` | {said.replace('|', BAR)} |" for path, said in (await verdicts()).items()]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(page()))
