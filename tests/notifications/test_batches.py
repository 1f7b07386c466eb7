"""Whatever gathered is heard as one: with as many statements as few take, and the effect of one after another."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import select

from services.notifications.store.tables import holds, pages, people, reaches, reminders, sessions, supporters
from shared.database import Database
from shared.events.fact import Fact
from shared.events.matching import SupporterRegistered
from shared.events.notifications import ReminderFellDue, RemindersPlanned
from shared.events.referrals import CrisisRaised, RiskCleared
from shared.events.scheduling import SeriesBooked, SessionCancelled
from shared.mailbox.tables import errands, timers
from shared.work import tasks
from tests.counting import statements
from tests.notifications.made import NOON, booked, contact, series
from tests.notifications.running import Running, days, running

FEW = 3
HERE = UUID("00000000-0000-0000-0000-000000000002")
NUMBERS = ("+12025550143", "+12025550144", "12")
"""The last is nobody's."""


@pytest.fixture
async def service(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(database, tmp_path) as started:
        yield started


def an_id(name: str) -> UUID:
    return uuid5(HERE, name)


def some(about: str, count: int) -> list[str]:
    return [f"{about} {each}" for each in range(count)]


def weekly(name: str) -> SeriesBooked:
    """Two visits of a person of that name."""
    visits = [booked(NOON + days(7 * week), session_id=an_id(f"{name} {week}")) for week in (1, 2)]
    return series(series_id=an_id(f"series {name}"), person_id=an_id(name), sessions=visits)


def crisis(name: str, **changes: Any) -> CrisisRaised:
    values = {"referral_id": an_id(f"of {name}"), "person_id": an_id(name), "site_id": "north", "raised_at": NOON}
    return CrisisRaised(**{**values, **changes})


def cleared(name: str) -> RiskCleared:
    who = {"referral_id": an_id(f"of {name}"), "person_id": an_id(name)}
    return RiskCleared(**who, cleared_by="Ana", cleared_at=NOON)


def cancelled(name: str) -> SessionCancelled:
    who = {"series_id": an_id(f"series {name}"), "person_id": an_id(name), "seat_id": an_id(f"seat {name}")}
    return SessionCancelled(session_id=an_id(f"{name} 1"), **who, by="person", late=False)


def supporter(name: str, public_name: str = "Jordan") -> SupporterRegistered:
    rest = {"zone": "America/New_York", "modalities": ["video"], "windows": [], "active": True}
    return SupporterRegistered(supporter_id=an_id(name), public_name=public_name, site_id="north", **rest)


async def planned(service: Running, about: str, count: int) -> None:
    await service.hear(*map(weekly, some(about, count)))


async def reached(service: Running, about: str, count: int) -> None:
    await planned(service, about, count)
    ways = [("sms", NUMBERS[0]), ("sms", NUMBERS[2])]
    await service.hear(*(contact(an_id(each), *ways, zone="Pacific/Honolulu") for each in some(about, count)))


async def held_and_released(service: Running, about: str, count: int) -> None:
    await service.hear(*map(crisis, some(about, count)))
    await service.hear(*map(cleared, some(about, count)))


async def taken_back(service: Running, about: str, count: int) -> None:
    await planned(service, about, count)
    await service.hear(*map(cancelled, some(about, count)), *map(supporter, some(about, count)))


async def rung(service: Running, about: str, count: int) -> None:
    await planned(service, about, count)
    await service.hear(*(contact(an_id(each)) for each in some(about, count)))
    told = (await service.said(RemindersPlanned))[-count:]
    await service.hear(*(fell_due(each.reminders[0].reminder_id, each.person_id) for each in told))


def fell_due(reminder_id: UUID, person_id: UUID) -> ReminderFellDue:
    return ReminderFellDue(reminder_id=reminder_id, person_id=person_id)


ACTS = [planned, reached, held_and_released, taken_back, rung]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_many_take_as_many_statements_as_few(
    service: Running, act: Callable[[Running, str, int], Awaitable[None]]
) -> None:
    await act(service, "nobody", FEW)

    with statements(service.service.database) as for_few:
        await act(service, "few", FEW)
    with statements(service.service.database) as for_many:
        await act(service, "many", 4 * FEW)

    assert for_many == for_few
    assert for_few


def crowd(chance: Random) -> list[Fact]:
    """A few people of whom everything is heard, some of it twice, in any order."""
    names = some("person", 6)
    zones = ("America/New_York", "Pacific/Honolulu", "Nowhere")
    told: list[Fact] = [weekly(each) for each in [*names, names[0]]]
    for _ in range(12):
        ways = [("sms", chance.choice(NUMBERS)), ("email", "ana@example.org")][: chance.randint(1, 2)]
        told.append(contact(an_id(chance.choice(names)), *ways, zone=chance.choice(zones)))
    for _ in range(6):
        later = NOON + timedelta(hours=chance.randint(0, 1))
        told.append(crisis(chance.choice(names), raised_at=later))
    told += [cleared(chance.choice(names)) for _ in range(3)]
    told += [supporter(chance.choice(["sam", "kim"]), chance.choice(["Sam", "Kim"])) for _ in range(4)]
    chance.shuffle(told)
    return told


KEPT = (holds, pages, people, reaches, reminders, sessions, supporters, tasks)


async def effects(service: Running) -> dict[str, Any]:
    """Everything that is kept of what was heard, and what is to come of it."""
    async with service.service.database.reading() as db:
        kept = {each.name: sorted(str(tuple(row)) for row in await db.execute(select(each))) for each in KEPT}
        keys = sorted((await db.scalars(select(errands.c.errand_key))).all())
        rings = {(row.body, row.due) for row in await db.execute(select(timers.c.body, timers.c.due))}
    return {**kept, "errands": keys, "rings": rings, "said": sorted(map(str, await service.said(RemindersPlanned)))}


@pytest.mark.parametrize("seed", range(6))
async def test_what_gathers_has_the_effect_of_one_after_another(service: Running, tmp_path: Path, seed: int) -> None:
    gathered = crowd(Random(seed))
    (tmp_path / "alone").mkdir()
    async with running(Database.open(f"sqlite:///{tmp_path}/alone/store.sqlite"), tmp_path / "alone") as alone:
        await service.hear(*gathered)
        for each in gathered:
            await alone.hear(each)

        together, one_by_one = await effects(service), await effects(alone)

    assert together.pop("rings") <= one_by_one.pop("rings")
    assert together == one_by_one
