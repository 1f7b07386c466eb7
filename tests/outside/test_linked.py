"""Who is pointed to what others run may end `linked`: nobody attended anything by that, and nothing is covered."""

from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from shared import clock
from shared.events import referrals
from shared.events.fact import Fact, catalogue
from shared.mailbox.letter import read
from shared.mailbox.tables import outbox
from tests.conftest import Migrated
from tests.outside.house import KEYS, House, bearing, opened
from tests.referrals.makers import NOW, request

SAID = catalogue(referrals)
VISITS = ("series", "sessions", "seats")


@pytest.fixture
async def house(tmp_path: Path, migrated: Migrated) -> AsyncIterator[House]:
    """All four services."""
    clock.step_to(NOW)
    async with opened(tmp_path, migrated) as running:
        yield running


async def refer(house: House) -> str:
    """This will refer Ana, let it be known that a plan covers her visits, and give her referral's id."""
    headers = bearing(KEYS["general-hospital"]) | {"content-type": "application/fhir+json"}
    answer = await house.ask("referrals", "POST", "/fhir/ServiceRequest", json=request(), headers=headers)
    referral_id = str(answer.json()["id"])
    person_id = (await ask(house, "GET", f"/referrals/{referral_id}"))["person_id"]
    ids = {"referral_id": referral_id, "person_id": person_id}
    plan = {"payer": "garden-health", "plan_id": "P3-GARDEN-SUD", "member_id": "G-1001", "birth_date": "1990-05-06"}
    await house.hear("scheduling", referrals.CoverageShared.model_validate(ids | plan))
    return referral_id


async def ask(house: House, method: str, path: str, **rest: Any) -> Any:
    """This will ask the referrals service for something as the programme's own people."""
    answer = await house.ask("referrals", method, path, headers=bearing(KEYS["agency"]), **rest)
    assert answer.status_code < 400, answer.text
    return answer.json()


async def hear_everything(house: House) -> set[str]:
    """This will let every service hear what referrals said, and give the kinds of it."""
    async with house.services["referrals"].database.reading() as db:
        rows = (await db.execute(select(outbox.c.type, outbox.c.body).order_by(outbox.c.id))).all()
    said: list[Fact] = [read(SAID[row.type], row.body) for row in rows if row.type in SAID]
    for name in ("matching", "scheduling", "notifications"):
        wanted = import_module(f"services.{name}").HEARS
        await house.hear(name, *(each for each in said if each.type_name() in wanted))
    return {each.type_name() for each in said}


async def test_linked_is_never_attended_and_never_covered(house: House) -> None:
    referral_id = await refer(house)
    (meeting,) = [each for each in await ask(house, "GET", "/directory") if "Narcotics" in each["entry"]["name"]]
    body = {"by": "Kim", "entry_id": meeting["entry_id"]}
    pointer = await ask(house, "POST", f"/referrals/{referral_id}/pointers", json=body)

    await house.ask("referrals", "GET", pointer["link"])
    await ask(house, "POST", f"/referrals/{referral_id}/closure", json={"by": "Kim", "reason": "linked"})
    said = await hear_everything(house)

    assert {"referrals.referral-accepted.v1", "referrals.referral-linked.v1"} <= said
    stores = await house.everything()
    assert {name: stores[f"scheduling.{name}"] for name in VISITS} == {name: [] for name in VISITS}
    span = {"from": "2026-03-01", "to": "2026-03-31"}
    payer = bearing(KEYS["garden-health"])
    covered = (await house.ask("scheduling", "GET", "/covered-sessions", params=span, headers=payer)).json()
    assert covered["sessions"] == [] and "arcotic" not in str(covered)
    waiting = await house.ask("matching", "GET", "/waiting", headers=bearing(KEYS["agency"]))
    assert referral_id not in waiting.text


def test_nobody_who_counts_visits_hears_that_somebody_is_linked() -> None:
    hearing = {name for name in ("matching", "scheduling", "notifications") if _hears_of_links(name)}

    assert hearing == {"matching"}


def _hears_of_links(name: str) -> bool:
    return "referrals.referral-linked.v1" in import_module(f"services.{name}").HEARS


def test_what_is_said_of_a_link_holds_ids_and_nothing_else() -> None:
    assert set(referrals.ReferralLinked.model_fields) == {"referral_id", "person_id"}
