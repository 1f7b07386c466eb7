"""Whatever gathered is heard as one: with as many statements as few take, and the effect of one after another."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, select

from services.scheduling.store.tables import coverages, labels, seats, series, sessions, supporters
from shared import clock
from shared.database import Database
from shared.events.fact import Fact
from shared.events.matching import MatchMade, Slot
from shared.events.notifications import VisitAnswered
from shared.events.referrals import ReferralAmended
from shared.events.scheduling import CoverageChanged, SeriesBooked, SeriesNotBooked
from shared.mailbox import Later
from shared.several import among
from shared.work import tasks
from tests.bus import until
from tests.counting import statements
from tests.scheduling.makers import NOW, Desk, an_id, coverage, desk_on, match, referral, supporter
from tests.scheduling.test_turns import is_held_up

FEW = 3


def matched(name: str, **changes: Any) -> MatchMade:
    """A match of a person of that name with Sam, unless told otherwise."""
    return match(match_id=an_id(f"match {name}"), person_id=an_id(name), referral_id=an_id(f"of {name}"), **changes)


def some(about: str, count: int) -> list[str]:
    return [f"{about} {each}" for each in range(count)]


def matches(about: str, count: int) -> list[MatchMade]:
    """Matches of which every two want the same hours of one supporter."""
    slots = [Slot(weekday=3, start="15:00"), Slot(weekday=1, start="10:00")]
    supporters_of = [an_id(f"with {about} {place // 2}") for place in range(count)]
    names = zip(some(about, count), supporters_of, strict=True)
    return [matched(each, supporter_id=one, slots=slots) for each, one in names]


def insured(name: str, **changes: Any) -> Fact:
    whose = {"person_id": an_id(name), "referral_id": an_id(f"of {name}"), "member_id": f"number of {name}"}
    return coverage(**{**whose, **changes})


def answered(booked: SeriesBooked, place: int, answer: Any) -> VisitAnswered:
    visit = booked.sessions[place]
    return VisitAnswered(person_id=booked.person_id, session_id=visit.session_id, answer=answer, at=clock.now())


async def held(desk: Desk, told: list[Any]) -> None:
    """The first session of each series is held; recording each over HTTP would be a request of its own."""
    firsts = [each.sessions[0].seat_id for each in told if isinstance(each, SeriesBooked)]
    outcome = {"outcome": "attended", "minutes": 50, "state": "held", "note_status": "signed"}
    happened = seats.update().values(**outcome, started_at=seats.c.starts_at)
    async with desk.service.database.transaction() as db:
        await db.execute(happened.where(among(seats.c.seat_id, "some")), {"some": firsts})


async def matched_with_and_without_times(desk: Desk, about: str, count: int) -> list[Any]:
    without = (matched(each, slots=[]) for each in some(f"slotless {about}", count))
    return await desk.hear(*matches(about, count), *without)


async def insured_by_plans_known_and_unknown(desk: Desk, about: str, count: int) -> list[Any]:
    await held(desk, await desk.hear(*matches(about, count)))
    unknown = (insured(each, referral_id=an_id(f"other of {each}"), plan_id="?") for each in some(about, count))
    return await desk.hear(*unknown, *(insured(each) for each in some(about, count)))


async def introduced_after_the_visit(desk: Desk, about: str, count: int) -> list[Any]:
    await insured_by_plans_known_and_unknown(desk, about, count)
    return await desk.hear(*(supporter(supporter_id=an_id(f"with {each}")) for each in some(about, count)))


async def accepted(desk: Desk, about: str, count: int) -> list[Any]:
    await desk.hear(*(referral(person_id=an_id(each), referral_id=an_id(f"of {each}")) for each in some(about, count)))
    return [about]


async def amended(desk: Desk, about: str, count: int) -> list[Any]:
    await accepted(desk, about, count)
    ids = [{"person_id": an_id(each), "referral_id": an_id(f"of {each}")} for each in some(about, count)]
    await desk.hear(*(ReferralAmended(**each, urgency="routine", part2=True) for each in ids))
    return [about]


async def answering_reminders(desk: Desk, about: str, count: int) -> list[Any]:
    booked = [each for each in await desk.hear(*matches(about, count)) if isinstance(each, SeriesBooked)]
    asked = [(0, "cannot_come"), (1, "new_time"), (2, "coming")]
    return await desk.hear(*(answered(each, *said) for said in asked for each in booked))


async def never_recorded(desk: Desk, about: str, count: int) -> list[Any]:
    chasers = [each for each in await desk.hear(*matches(about, count)) if isinstance(each, Later)]
    clock.step_to(max(each.due for each in chasers))
    return await desk.hear(*(each.fact for each in chasers))


ACTS = [
    matched_with_and_without_times,
    insured_by_plans_known_and_unknown,
    introduced_after_the_visit,
    accepted,
    amended,
    answering_reminders,
    never_recorded,
]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_many_take_as_many_statements_as_few(
    desk: Desk, act: Callable[[Desk, str, int], Awaitable[list[Any]]]
) -> None:
    await act(desk, "nobody", FEW)

    with statements(desk.service.database) as for_few:
        effect = await act(desk, "few", FEW)
    with statements(desk.service.database) as for_many:
        await act(desk, "many", 4 * FEW)

    assert for_many == for_few
    assert effect


def crowd(chance: Random) -> list[Fact]:
    """Matches that want the same hours of two supporters, beside who insures the people and who they are."""
    names, whose = some("person", 6), ["sam", "kim"]
    slots = [Slot(weekday=day, start=start) for day in (1, 3) for start in ("10:00", "10:30", "15:00")]
    told: list[Fact] = [
        match(
            match_id=an_id(f"match {each}"),
            person_id=an_id(chance.choice(names)),
            supporter_id=an_id(chance.choice(whose)),
            slots=chance.sample(slots, chance.randint(0, 2)),
            urgency=chance.choice(["routine", "urgent"]),
        )
        for each in [*range(16), 3, 7]
    ]
    plans = ("P3-GARDEN-SUD", "P1-CAROLINA-MCO", "P0-GRANT", "?")
    told += [supporter(supporter_id=an_id(chance.choice(whose)), volunteer=chance.random() < 0.5) for _ in range(4)]
    told += [referral(person_id=an_id(each), referral_id=an_id(f"of {each}")) for each in names]
    chance.shuffle(told)
    which = [(each, an_id(f"{chance.choice(['of', 'other of'])} {each}")) for each in names * 2]
    insurance = [insured(each, referral_id=one, plan_id=chance.choice(plans)) for each, one in which]
    return [*insurance, *told]


def then(chance: Random, said: list[Any]) -> list[Fact]:
    """What people answer to what was booked, some of them twice, and the timers that ring."""
    booked = [each for each in said if isinstance(each, SeriesBooked)]
    words = ["coming", "new_time", "cannot_come", "cannot_come"]
    answers = [answered(each, chance.randrange(3), chance.choice(words)) for each in booked * 3]
    return [*crowd(chance), *answers, *(each.fact for each in said if isinstance(each, Later))]


async def one_after_another(desk: Desk, told: list[Fact]) -> list[Any]:
    """Each is heard a little later than the one before."""
    said: list[Any] = []
    for each in told:
        said += await desk.hear(each)
        clock.step_to(clock.now() + timedelta(microseconds=1))
    return said


KEPT = (coverages, labels, seats, sessions, series, supporters, tasks)
ON_THE_WAY = {"heard_at", "opened_at", "due", "recorded_at", "changed_at", "version"}
"""When something was heard, to the microsecond, and how often it was recounted."""


async def effects(desk: Desk) -> dict[str, list[str]]:
    """Everything that is kept of what was heard."""
    columns = {each.name: [one for one in each.c if one.name not in ON_THE_WAY] for each in KEPT}
    async with desk.service.database.reading() as db:
        return {
            name: sorted(str(tuple(row)) for row in await db.execute(select(*some))) for name, some in columns.items()
        }


def facts(said: list[Any]) -> list[str]:
    """What was said, but for recounts, and for names: those may be heard of sooner or later."""
    plain = [each.model_copy(update={"public_name": None}) if isinstance(each, SeriesBooked) else each for each in said]
    return sorted(str(each) for each in plain if not isinstance(each, CoverageChanged))


def recounted(said: list[Any]) -> set[str]:
    """What was said at last of what is covered of each seat."""
    return {str(each) for each in {one.seat_id: one for one in said if isinstance(one, CoverageChanged)}.values()}


@pytest.mark.parametrize("seed", range(6))
async def test_what_gathers_has_the_effect_of_one_after_another(desk: Desk, tmp_path: Path, seed: int) -> None:
    gathered = crowd(Random(seed))
    (tmp_path / "alone").mkdir()
    async with desk_on(Database.open(f"sqlite:///{tmp_path}/alone/store.sqlite"), tmp_path / "alone") as alone:
        together = await desk.hear(*gathered)
        one_by_one = await one_after_another(alone, gathered)
        assert facts(together) == facts(one_by_one)
        assert await effects(desk) == await effects(alone)

        clock.step_to(NOW + timedelta(days=8))
        await held(desk, together)
        await held(alone, one_by_one)
        later = then(Random(seed), together)
        together = await desk.hear(*later)
        one_by_one = await one_after_another(alone, later)

        assert facts(together) == facts(one_by_one)
        assert recounted(together) <= recounted(one_by_one)
        assert await effects(desk) == await effects(alone)


async def test_those_who_are_booked_together_take_no_time_twice(desk: Desk) -> None:
    same = {"slots": [Slot(weekday=3, start="15:00"), Slot(weekday=1, start="10:00")]}
    half_an_hour_later = {"slots": [Slot(weekday=3, start="15:30")]}

    told = await desk.hear(matched("ana", **same), matched("ben", **same), matched("cy", **half_an_hour_later))

    first, second = (each for each in told if isinstance(each, SeriesBooked))
    assert [each.sessions[1].local_start[-5:] for each in (first, second)] == ["15:00", "10:00"]
    assert [each.person_id for each in told if isinstance(each, SeriesNotBooked)] == [an_id("cy")]


async def test_whoever_was_quicker_keeps_the_time_and_the_others_are_booked_beside_them(desk: Desk) -> None:
    slots = [Slot(weekday=3, start="15:00"), Slot(weekday=1, start="10:00")]
    taken = datetime.fromisoformat("2026-03-12T19:30+00:00")
    whose = {"series_id": an_id("series"), "person_id": an_id("eve"), "site_id": "main", "zone": "UTC"}
    when = {"starts_at": taken, "ends_at": taken + timedelta(hours=1), "local_start": "", "zone": "UTC"}

    async with desk.service.database.transaction() as db:
        await db.execute(insert(series).values(**whose, match_id=an_id("m"), state="booked"))
        one = {"session_id": an_id("one"), "series_id": an_id("series"), "supporter_id": an_id("sam")}
        await db.execute(insert(sessions).values(**one, **when, modality="video", state="booked"))
        both = [matched("ana", slots=slots), matched("ben", slots=slots, supporter_id=an_id("kim"))]
        booking = asyncio.create_task(desk.hear(*both))
        await until(lambda: is_held_up(desk.service.database))

    told = [each for each in await booking if isinstance(each, SeriesBooked)]
    assert [each.sessions[1].local_start[-5:] for each in told] == ["10:00", "15:00"]
