"""Marks of what was heard, changes, and what is said: one transaction, all of it or nothing, wherever it breaks."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import count as numbers
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Executable, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import now
from shared.database import Database
from shared.events.matching import OfferFellDue, RoomFreed
from shared.events.referrals import CrisisRaised, RiskCleared
from shared.mailbox import Errand, Later, Reply, Trip
from shared.mailbox.box import Mailbox
from shared.mailbox.tables import errands, heard, inbox, letters, outbox, spoken, timers
from tests.bus import Bus, running_mailbox, until
from tests.shared.breaking import Broken, broken_at
from tests.shared.parties import (
    HEARS_REFERRALS,
    a_letter,
    all_sent,
    change,
    cleared,
    count,
    diary,
    forget_consumer,
    note,
    noted,
    say_all,
    says_only,
    silent,
    wait_for,
)
from tests.shared.processes import small_service

PERSON = UUID(int=1)
KEPT = (diary, heard, inbox, outbox, spoken, letters)


def follows(what: str) -> list[Any]:
    """All that a handler can return: a fact, a timer and an errand."""
    fact = OfferFellDue(offer_id=uuid4(), person_id=PERSON)
    page = CrisisRaised(referral_id=uuid4(), person_id=PERSON, site_id="north", raised_at=now())
    return [RoomFreed(supporter_id=uuid4(), site_id="north"), Later(fact, due=now()), Errand(page, key=what)]


async def hear(fact: Any, db: AsyncConnection) -> list[Any]:
    """Change something and say all there is to say."""
    await note(db, type(fact).__name__)
    return follows("heard")


async def ring(fact: Any, db: AsyncConnection) -> list[Any]:
    """Change something and say something, once."""
    await note(db, type(fact).__name__)
    return follows("rung")[:1]


async def call(fact: Any, trip: Trip) -> str:
    """The outside world answers at once."""
    return trip.key


async def home(fact: Any, result: Any, db: AsyncConnection) -> list[Any]:
    """Change something and say something, once."""
    await note(db, "home")
    return follows("home")[:1]


@pytest.fixture
async def mailbox(listener: Database) -> AsyncIterator[Mailbox]:
    """One that hears, rings and calls, each with a change and something said."""
    box = silent("matching", listener)
    box.on(RiskCleared, hear)
    box.on_timer(OfferFellDue, ring)
    box.errand(CrisisRaised, call, then=home)
    yield box


async def state(database: Database) -> list[int]:
    """How much there is of everything, and what was rung and done."""
    waiting = count(database, timers, timers.c.rung_at.is_(None)), count(database, errands, errands.c.state != "done")
    all_there = [await count(database, each) for each in (*KEPT, timers, errands)]
    return [*all_there, *[await each for each in waiting]]


async def what_breaks_leave(
    database: Database, attempt: Callable[[], Awaitable[Any]], *, before: Executable | None = None
) -> list[list[int]]:
    """Attempt, broken at every statement in turn, until there is none left to break at: what each break left behind."""
    left = []
    for number in numbers(1):
        if before is not None:
            await change(database, before)
        with broken_at(database, number) as broken, suppress(Broken):
            await attempt()
        if not broken.happened:
            return left
        left.append(await state(database))
    raise AssertionError("never")


async def test_a_letter_is_heard_with_all_that_follows_or_not_at_all(mailbox: Mailbox) -> None:
    database, letter = mailbox.database, a_letter(PERSON)
    before = await state(database)

    left = await what_breaks_leave(database, lambda: mailbox.apply([letter], "test"))

    assert len(left) > 4 and left == [before] * len(left)
    assert await state(database) == [1, 1, 0, 1, 1, 0, 1, 1, 1, 1]


async def test_an_edge_changes_and_says_or_does_neither(mailbox: Mailbox) -> None:
    database = mailbox.database
    before = await state(database)

    left = await what_breaks_leave(database, lambda: mailbox.run(hear, cleared(PERSON, "Ana")))

    assert len(left) > 4 and left == [before] * len(left)
    assert await state(database) == [1, 0, 0, 1, 1, 0, 1, 1, 1, 1]


async def test_a_timer_rings_with_all_that_follows_or_not_at_all(mailbox: Mailbox) -> None:
    database = mailbox.database
    await mailbox.run(say_all, follows("x")[1:2])
    before = await state(database)

    ringable = update(timers).values(next_try=None, attempts=0)
    left = await what_breaks_leave(database, mailbox.timers.once, before=ringable)

    assert len(left) > 4 and left == [before] * len(left)
    assert await state(database) == [1, 0, 0, 1, 1, 0, 1, 0, 0, 0]


async def test_an_errand_comes_home_with_all_that_follows_or_not_at_all(mailbox: Mailbox) -> None:
    database = mailbox.database
    await mailbox.run(say_all, follows("x")[2:])
    before = await state(database)

    intended = update(errands).where(errands.c.state != "done").values(state="intended")
    left = await what_breaks_leave(database, mailbox.errands.once, before=intended)

    assert len(left) > 4 and left == [before] * len(left)
    assert await state(database) == [1, 0, 0, 1, 1, 0, 0, 1, 0, 0]


async def test_a_fact_that_is_not_ours_to_say_undoes_what_was_changed(listener: Database) -> None:
    async def say_what_is_not_ours(_: str, db: AsyncConnection) -> Reply:
        await note(db, "half")
        return Reply(None, cleared(PERSON, "referrals says this"))

    with pytest.raises(ValueError, match="that is referrals's to say"):
        await silent("matching", listener).run(say_what_is_not_ours, "x")

    assert await noted(listener) == []
    assert await count(listener, outbox) == 0


async def test_a_handler_that_fails_leaves_no_trace(listener: Database) -> None:
    async def fail(_: str, db: AsyncConnection) -> None:
        await note(db, "half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await silent("matching", listener).run(fail, "x")

    assert await noted(listener) == []
    assert await count(listener, outbox) == 0


async def test_a_process_killed_inside_a_transaction_leaves_nothing_half_and_hears_it_once_after_a_start(
    bus: Bus, listener: Database, speaker: Database, tmp_path: Path
) -> None:
    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        async with small_service(bus, listener, tmp_path, halt="heard") as first:
            await says.run(say_all, [cleared(PERSON, "Ana")])
            await first.says("heard")
        between, told = await state(listener), await bus.ask(f"CONSUMER.INFO.REFERRALS.{HEARS_REFERRALS}")
        await forget_consumer(bus, "REFERRALS", HEARS_REFERRALS)
        async with small_service(bus, listener, tmp_path):
            await wait_for(listener, 1)
            await until(lambda: all_sent(listener))

    assert between == [0] * 10 and told["num_ack_pending"] == 1
    assert await noted(listener) == ["0/1 Ana"]
    said = [each.key for each in (await _said(listener))]
    assert said == [str(PERSON)]


async def _said(database: Database) -> list[Any]:
    async with database.reading() as db:
        return list(await db.execute(select(outbox.c.key)))
