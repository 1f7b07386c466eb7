"""A process that lost its share claims it again, or ends; and what two did at once takes effect once."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from shared.clock import now
from shared.database import Database
from shared.events.matching import OfferFellDue
from shared.events.referrals import CrisisRaised
from shared.mailbox import Errand, Later, Trip
from shared.mailbox.claim import Claim
from shared.mailbox.tables import errands, timers
from tests.conftest import new_database
from tests.servers import OwnPostgres, own_postgres
from tests.shared.parties import note, noted, say_all, silent, with_a_diary


@pytest.fixture(scope="module")
def own() -> Iterator[OwnPostgres]:
    """A PostgreSQL to restart."""
    with own_postgres() as server:
        yield server


@pytest.fixture
async def two(own: OwnPostgres) -> AsyncIterator[tuple[Database, Database]]:
    """Two processes' ways to one database."""
    url = await new_database(own.url)
    first, second = Database.open(url), Database.open(url)
    yield first, second
    await asyncio.gather(first.close(), second.close())


async def restart(own: OwnPostgres) -> None:
    """Let PostgreSQL forget every claim."""
    await asyncio.to_thread(own.stop)
    await asyncio.to_thread(own.start)


async def test_a_claim_that_a_restart_forgot_is_made_again(own: OwnPostgres, two: tuple[Database, Database]) -> None:
    first, _ = two
    await first.claim("0/1")
    await restart(own)

    before = await first.still_claimed()
    await Claim(first, "0/1").once()

    assert (before, await first.still_claimed()) == (False, True)


async def test_a_process_whose_share_another_took_meanwhile_drains_and_ends(
    own: OwnPostgres, two: tuple[Database, Database]
) -> None:
    first, second = two
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    await first.claim("0/1")
    await restart(own)
    await second.claim("0/1")

    await Claim(first, "0/1").once()

    signal.signal(signal.SIGTERM, before)
    assert told == [signal.SIGTERM] and await second.still_claimed()


async def test_a_claim_that_stands_is_left_alone(database: Database) -> None:
    await database.claim("0/1")

    assert not await Claim(database, "0/1").once()
    assert await database.still_claimed()


@pytest.fixture
async def store(database: Database) -> Database:
    return await with_a_diary(database)


async def test_a_timer_that_rang_elsewhere_meanwhile_has_no_effect_here(store: Database) -> None:
    async def ring(fact: OfferFellDue, db: Any) -> None:
        await note(db, "rang")

    mailbox = silent("matching", store)
    mailbox.on_timer(OfferFellDue, ring)
    await mailbox.run(say_all, [Later(OfferFellDue(offer_id=uuid4(), person_id=uuid4()), due=now())])
    due = await mailbox.timers._due()
    async with store.transaction() as db:
        await db.execute(update(timers).values(rung_at=now()))

    for each in due:
        await mailbox.timers._ring_or_wait(each)

    assert await noted(store) == []
    async with store.reading() as db:
        assert (await db.execute(select(timers.c.attempts))).scalars().all() == [0]


async def test_a_result_that_was_kept_elsewhere_meanwhile_is_not_kept_again(store: Database) -> None:
    person: UUID = uuid4()

    async def call(fact: CrisisRaised, trip: Trip) -> str:
        async with store.transaction() as db:
            await db.execute(update(errands).values(state="done", done_at=now()))
        return "taken"

    async def then(fact: CrisisRaised, result: Any, db: Any) -> None:
        await note(db, result)

    mailbox = silent("notifications", store)
    mailbox.errand(CrisisRaised, call, then=then)
    page = CrisisRaised(referral_id=uuid4(), person_id=person, site_id="north", raised_at=now())
    await mailbox.run(say_all, [Errand(page, key="page")])

    await mailbox.errands.once()

    assert await noted(store) == []
    async with store.reading() as db:
        assert (await db.execute(select(errands.c.state))).scalars().all() == ["done"]
