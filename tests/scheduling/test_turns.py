"""Two who change the same series take turns."""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import text

from services.scheduling.handlers.booking import ByHand, book_by_hand
from services.scheduling.handlers.covering import learn_coverage
from shared import clock
from shared.database import Database, side_by_side
from tests.bus import until
from tests.scheduling.makers import Desk, an_id, coverage, match
from tests.scheduling.test_coverage import PLANS
from tests.scheduling.test_telling import covering


def with_sam(person: str, local_start: str, **more: Any) -> ByHand:
    """A session with Sam that somebody books by hand."""
    return ByHand(
        supporter_id=an_id("sam"),
        person_id=an_id(person),
        local_start=datetime.fromisoformat(local_start),
        zone="America/New_York",
        minutes=50,
        modality="video",
        site_id="main",
        **more,
    )


async def test_a_series_does_not_end_while_somebody_adds_a_session(desk: Desk):
    (booked, *chasers) = await desk.hear(match())
    clock.step_to(chasers[-1].due)
    one_more = with_sam("ana", "2026-07-07T10:00", series_id=booked.series_id)

    async with desk.service.database.transaction() as db:
        await book_by_hand(one_more, db)
        chase = asyncio.create_task(desk.hear(chasers[-1].fact))
        await until(lambda: is_held_up(desk.service.database))

    assert await chase == []
    assert (await desk.figures())["series_ended"] == 0


async def test_matches_wait_for_whoever_books_for_their_supporter(desk: Desk):
    await desk.know("eve")
    another_day = with_sam("eve", "2026-03-09T10:00")

    async with desk.service.database.transaction() as db:
        await book_by_hand(another_day, db)
        planning = asyncio.create_task(desk.hear(match()))
        await until(lambda: is_held_up(desk.service.database))

    assert len(await planning) == 13


async def test_what_an_insurer_tells_waits_for_whoever_learns_of_the_same_member(desk: Desk):
    async with desk.service.database.transaction() as db:
        await learn_coverage([coverage()], db, plans=PLANS)
        posting = asyncio.create_task(desk.post("coverage", covering()))
        await until(lambda: is_held_up(desk.service.database))

    assert [each["outcome"] for each in await posting] == ["taken"]
    assert [each.kind for each in await desk.work()] == ["coverage_differs"]


async def is_held_up(database: Database) -> bool:
    """This will say whether a transaction waits for another; on SQLite all wait for the only writer."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with database.reading() as db:
        return not side_by_side(db) or bool(await db.scalar(text(waiting)))
