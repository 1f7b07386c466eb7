"""What the database itself refuses, and that its schema is what the store declares."""

from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from services.scheduling import HEARS, OWNS, SAYS
from services.scheduling.store import metadata
from services.scheduling.store.tables import seats, series, sessions
from shared.database import broken_rule
from shared.mailbox.tables import SHARED
from tests.scheduling.makers import Desk, an_id

TEN = datetime(2026, 3, 10, 10, tzinfo=UTC)


def session(name: str, begins: datetime, *, state: str = "booked") -> dict[str, object]:
    ends = begins + timedelta(minutes=50)
    times = {
        "starts_at": begins,
        "ends_at": ends,
        "local_start": "",
        "zone": "UTC",
        "modality": "video",
        "state": state,
    }
    return {"session_id": an_id(name), "series_id": an_id("series"), "supporter_id": an_id("sam"), **times}


async def keep(db, *rows):
    whose = {"match_id": an_id("m"), "person_id": an_id("ana"), "site_id": "main", "zone": "UTC", "state": "booked"}
    await db.execute(insert(series).values(series_id=an_id("series"), **whose))
    await db.execute(insert(sessions), list(rows))


@pytest.mark.parametrize("shift", [0, 1, 49, -1, -49])
async def test_the_database_refuses_two_sessions_of_a_supporter_that_overlap(desk: Desk, shift):
    with pytest.raises(IntegrityError) as refused:
        async with desk.service.database.transaction() as db:
            await keep(db, session("one", TEN), session("two", TEN + timedelta(minutes=shift)))

    assert broken_rule(refused.value) == "one_session_at_a_time"


@pytest.mark.parametrize("shift", [50, -50])
async def test_sessions_that_touch_do_not_overlap(desk: Desk, shift):
    async with desk.service.database.transaction() as db:
        await keep(db, session("one", TEN), session("two", TEN + timedelta(minutes=shift)))


async def test_a_cancelled_session_takes_no_time_until_it_is_revived(desk: Desk):
    async with desk.service.database.transaction() as db:
        await keep(db, session("one", TEN, state="cancelled"), session("two", TEN))

    with pytest.raises(IntegrityError):
        async with desk.service.database.transaction() as db:
            await db.execute(update(sessions).where(sessions.c.session_id == an_id("one")).values(state="booked"))


async def test_the_database_refuses_two_seats_of_a_person_that_overlap(desk: Desk):
    def seat(name: str) -> dict[str, object]:
        times = {"starts_at": TEN, "ends_at": TEN + timedelta(minutes=50), "state": "booked", "note_status": "none"}
        return {
            "seat_id": an_id(name),
            "session_id": an_id("one"),
            "series_id": an_id("series"),
            "person_id": an_id("ana"),
            "version": 0,
            **times,
        }

    with pytest.raises(IntegrityError) as refused:
        async with desk.service.database.transaction() as db:
            await keep(db, session("one", TEN))
            await db.execute(insert(seats), [seat("a"), seat("b")])

    assert broken_rule(refused.value) == "one_seat_at_a_time"


async def test_the_migrations_make_what_the_store_declares(desk: Desk):
    async with desk.service.database.engine.connect() as db:
        found = await db.run_sync(lambda sync: compare_metadata(MigrationContext.configure(sync), metadata))

    assert found == []


async def test_the_service_opens_with_what_it_owns_hears_and_says(desk: Desk):
    shared = {table for each in SHARED for table in each.tables}
    board = desk.service.mailbox.board

    assert set(OWNS) == set(metadata.tables) - shared
    assert set(HEARS) == set(board.hearings)
    assert all(each.startswith("scheduling.") for each in SAYS)
