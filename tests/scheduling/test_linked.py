"""One human being whom two organisations know sits in one session at a time, on both databases."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise, permutations
from typing import Any

import pytest

from services.scheduling.handlers.booking import TimeTaken, book_by_hand
from services.scheduling.rules.taken import Taken
from shared.events.matching import Slot
from shared.events.referrals import PersonLinked
from shared.events.scheduling import SeriesBooked
from tests.scheduling.makers import NOW, Desk, an_id, match
from tests.scheduling.test_turns import with_sam

ONE, OTHER = sorted((an_id("ana"), an_id("anna")))
LINKED = PersonLinked(person_id=OTHER, same_as=ONE, found_at=NOW)
APART = PersonLinked(person_id=OTHER, same_as=OTHER, found_at=NOW)


def elsewhere(**changes: Any) -> Any:
    """A match of the same human being, as another organisation knows her, with somebody else at the same time."""
    mine = {"match_id": an_id("other match"), "referral_id": an_id("other referral")}
    return match(person_id=an_id("anna"), supporter_id=an_id("kim"), **mine, **changes)


def series_of(said: list[Any]) -> list[SeriesBooked]:
    """The series that were booked."""
    return [each for each in said if isinstance(each, SeriesBooked)]


def overlapping(booked: list[SeriesBooked]) -> bool:
    """Whether any two sessions overlap."""
    times = sorted((each.starts_at, each.ends_at) for one in booked for each in one.sessions)
    return any(one[1] > other[0] for one, other in pairwise(times))


BOTH_SLOTS = {"slots": [Slot(weekday=3, start="15:00"), Slot(weekday=4, start="15:00")]}


async def test_a_match_of_the_same_human_being_is_booked_at_another_time(desk: Desk) -> None:
    await desk.hear(LINKED)

    booked = series_of([*await desk.hear(match(**BOTH_SLOTS)), *await desk.hear(elsewhere(**BOTH_SLOTS))])

    assert len(booked) == 2 and not overlapping(booked)


async def test_matches_heard_together_are_booked_at_other_times(desk: Desk) -> None:
    booked = series_of(await desk.hear(LINKED, match(**BOTH_SLOTS), elsewhere(**BOTH_SLOTS)))

    assert len(booked) == 2 and not overlapping(booked)


async def test_somebody_finds_a_time_where_the_only_one_is_taken(desk: Desk) -> None:
    await desk.hear(LINKED, match())

    said = await desk.hear(elsewhere())

    assert series_of(said) == []
    assert [each.kind for each in await desk.work()] == ["find_a_time"]


async def test_staff_do_not_book_one_human_being_twice_at_a_time(desk: Desk) -> None:
    await desk.know("ana", "anna", supporters=("sam", "kim"))
    (booked, *_) = await desk.hear(match())
    wanted = replace(with_sam("anna", booked.sessions[0].local_start), supporter_id=an_id("kim"))
    await desk.hear(LINKED)

    with pytest.raises(TimeTaken) as refused:
        async with desk.service.database.transaction() as db:
            await book_by_hand(wanted, db)

    assert refused.value.where == "body.person_id"
    await desk.hear(APART)
    async with desk.service.database.transaction() as db:
        await book_by_hand(wanted, db)


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_whoever_is_booked_twice_at_a_time_gets_another_or_somebody_asks(
    desk: Desk, order: tuple[int, ...]
) -> None:
    facts = [LINKED, match(), elsewhere()]
    booked = series_of([said for each in order for said in await desk.hear(facts[each])])

    tasks = [each.kind for each in await desk.work()]

    if len(booked) == 2:
        assert tasks == ["new_time_wanted"] * len(booked[0].sessions)
    else:
        assert tasks == ["find_a_time"]


async def test_a_link_that_was_wrong_gives_each_their_own_time_again(desk: Desk) -> None:
    await desk.hear(LINKED, match())
    await desk.hear(APART)

    booked = series_of(await desk.hear(elsewhere()))

    assert len(booked) == 1 and (await desk.work()) == []


async def test_a_link_heard_again_asks_nothing_again(desk: Desk) -> None:
    await desk.hear(match())
    await desk.hear(elsewhere())

    await desk.hear(LINKED)
    before = await desk.work()
    await desk.hear(LINKED)

    assert await desk.work() == before and before


async def test_two_who_book_for_one_human_being_take_turns(desk: Desk) -> None:
    await desk.hear(LINKED)

    said = await asyncio.gather(desk.hear(match()), desk.hear(elsewhere()))

    assert not overlapping([each for some in said for each in series_of(some)])


def test_times_that_overlap_already_are_taken_to_their_last_end() -> None:
    at = [datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in range(5)]
    taken = Taken([(ONE, at[0], at[3]), (OTHER, at[1], at[2])], {ONE: {ONE, OTHER}, OTHER: {ONE, OTHER}})

    assert not taken.has_room([OTHER], [(at[2], at[4])])
    assert taken.has_room([OTHER], [(at[3], at[4])])
