"""What fails is tried again with growing pauses, holds up nobody else, and is taken up once more after a start."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import now, real
from shared.database import Database
from shared.events.matching import OfferFellDue
from shared.events.referrals import CrisisRaised, RiskCleared
from shared.mailbox import Errand, Later, Trip
from shared.mailbox.aside import PAUSES
from shared.mailbox.tables import errands, letters, outbox, timers
from tests.bus import with_shared_tables
from tests.shared.parties import a_letter, change, cleared, count, only, rows, say_all, silent

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
async def store(database: Database) -> Database:
    return await with_shared_tables(database)


async def test_a_letter_is_tried_after_each_pause_and_given_up_after_the_last(store: Database) -> None:
    async def fail(_: RiskCleared, db: AsyncConnection) -> None:
        raise ZeroDivisionError

    mailbox = silent("matching", store)
    mailbox.on(RiskCleared, fail)
    await mailbox.apply_or_put_aside(a_letter(uuid4()), "matching-on-referrals")

    waited = []
    while (kept := await only(store, select(letters)))["state"] == "retrying":
        waited.append(kept["next_try"] - real())
        await change(store, update(letters).values(next_try=LONG_AGO))
        await mailbox.aside.once()

    assert [round(each / timedelta(seconds=1)) for each in waited] == [round(each.total_seconds()) for each in PAUSES]
    assert kept["state"] == "dead" and kept["error"].startswith("ZeroDivisionError at tests/shared/test_giving_up.py:")


async def test_how_often_a_letter_failed_is_remembered_across_a_start(store: Database) -> None:
    async def fail(_: RiskCleared, db: AsyncConnection) -> None:
        raise ZeroDivisionError

    before, after = silent("matching", store), silent("matching", store)
    for each in (before, after):
        each.on(RiskCleared, fail)
    await before.apply_or_put_aside(a_letter(uuid4()), "matching-on-referrals")
    for mailbox in (before, before, after):
        await mailbox.aside.begin()
        await change(store, update(letters).values(next_try=LONG_AGO))
        await mailbox.aside.once()

    kept = await only(store, select(letters))
    assert kept["attempts"] == 4
    assert timedelta(seconds=7) < kept["next_try"] - real() <= timedelta(seconds=8)


async def test_a_letter_is_not_tried_before_its_pause_is_over(store: Database) -> None:
    tried: list[str] = []

    async def fail(fact: RiskCleared, db: AsyncConnection) -> None:
        tried.append(fact.cleared_by)
        raise ZeroDivisionError

    mailbox = silent("matching", store)
    mailbox.on(RiskCleared, fail)
    await mailbox.apply_or_put_aside(a_letter(uuid4()), "matching-on-referrals")
    await change(store, update(letters).values(next_try=real() + timedelta(minutes=1)))

    for _ in range(5):
        mailbox.aside.some = True
        await mailbox.aside.once()

    assert tried == ["number 1"]


async def test_dead_letters_are_tried_again_in_order_after_a_start(store: Database) -> None:
    applied: list[str] = []

    async def apply(fact: RiskCleared, db: AsyncConnection) -> None:
        applied.append(fact.cleared_by)

    person, broken, mended = uuid4(), silent("matching", store), silent("matching", store)
    mended.on(RiskCleared, apply)
    broken.board.facts[RiskCleared.type_name()] = RiskCleared
    for version in (1, 2):
        await broken.apply_or_put_aside(a_letter(person, version), "matching-on-referrals")
    await change(store, update(letters).where(letters.c.state == "retrying").values(state="dead", attempts=10))

    await mended.aside.begin()
    await change(store, update(letters).values(next_try=LONG_AGO))
    for _ in ("the first", "what waited behind it"):
        await mended.aside.once()

    assert applied == ["number 1", "number 2"]


class Interrupted(Database):
    """A database beside whose first look something else happens."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """The same view, with the interruption at its end."""
        async with super().reading() as db:
            yield db
        if happens := self.meanwhile:
            self.meanwhile = None
            await happens()


async def test_a_letter_put_aside_during_a_look_is_tried_too(store: Database) -> None:
    interrupted = Interrupted(store.engine, store.path)
    mailbox = silent("matching", interrupted)
    interrupted.meanwhile = lambda: mailbox.aside.put(a_letter(uuid4()), ZeroDivisionError())

    await mailbox.aside.once()

    assert mailbox.aside.some


class Unsure(Database):
    """A database that is gone once, just after a commit, before it could say so."""

    gone = True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """The same, with the answer to one commit lost."""
        async with super().transaction() as db:
            yield db
        if self.gone:
            self.gone = False
            raise ConnectionError


async def test_a_letter_is_tried_also_where_nobody_knows_whether_it_was_put_aside(store: Database) -> None:
    mailbox = silent("matching", Unsure(store.engine, store.path))
    mailbox.aside.some = False

    with pytest.raises(ConnectionError):
        await mailbox.aside.put(a_letter(uuid4()), ZeroDivisionError())

    assert mailbox.aside.some and await count(store, letters) == 1


async def test_a_timer_that_cannot_be_read_holds_up_no_other(store: Database) -> None:
    rang: list[UUID] = []

    async def ring(fact: OfferFellDue, db: AsyncConnection) -> None:
        rang.append(fact.offer_id)

    mailbox = silent("matching", store)
    mailbox.on_timer(OfferFellDue, ring)
    spoilt, good = (OfferFellDue(offer_id=uuid4(), person_id=uuid4()) for _ in range(2))
    await mailbox.run(say_all, [Later(spoilt, due=now(), key="spoilt"), Later(good, due=now())])
    unreadable = Later(spoilt, due=now(), key="spoilt").timer_id()
    await change(store, update(timers).where(timers.c.timer_id == unreadable).values(body=b"{}"))

    await mailbox.timers.once()

    assert rang == [good.offer_id]
    assert (await only(store, select(timers).where(timers.c.rung_at.is_(None))))["attempts"] == 1


async def test_a_timer_rings_only_once(store: Database) -> None:
    async def ring(fact: OfferFellDue, db: AsyncConnection) -> None:
        pass

    mailbox = silent("matching", store)
    mailbox.on_timer(OfferFellDue, ring)
    await mailbox.run(say_all, [Later(OfferFellDue(offer_id=uuid4(), person_id=uuid4()), due=now())])

    assert [await mailbox.timers.once(), await mailbox.timers.once()] == [True, False]


async def test_a_timer_that_was_given_up_rings_after_a_start(store: Database) -> None:
    rang: list[UUID] = []

    async def ring(fact: OfferFellDue, db: AsyncConnection) -> None:
        rang.append(fact.offer_id)

    mailbox, fact = silent("matching", store), OfferFellDue(offer_id=uuid4(), person_id=uuid4())
    mailbox.on_timer(OfferFellDue, ring)
    await mailbox.run(say_all, [Later(fact, due=now())])
    await change(store, update(timers).values(attempts=len(PAUSES) + 1, next_try=real() + timedelta(days=36500)))

    before = await mailbox.timers.once()
    await mailbox.timers.begin()
    await mailbox.timers.once()

    assert not before and rang == [fact.offer_id]


async def test_an_errand_that_cannot_be_read_is_stuck_alone_until_a_start(store: Database) -> None:
    called: list[str] = []

    async def call(fact: CrisisRaised, trip: Trip) -> str:
        called.append(trip.key)
        return trip.key

    async def then(fact: CrisisRaised, result: Any, db: AsyncConnection) -> None:
        pass

    mailbox = silent("notifications", store)
    mailbox.errand(CrisisRaised, call, then=then)
    page = CrisisRaised(referral_id=uuid4(), person_id=uuid4(), site_id="north", raised_at=now())
    await mailbox.run(say_all, [Errand(page, key="good"), Errand(page, key="spoilt")])
    spoilt = errands.c.errand_key == "spoilt"
    body = (await only(store, select(errands).where(spoilt)))["body"]
    await change(store, update(errands).where(spoilt).values(body=b"rubbish"))

    await mailbox.errands.once()
    stuck = (await only(store, select(errands).where(spoilt)))["state"]
    await change(store, update(errands).where(spoilt).values(body=body))
    await mailbox.errands.begin()
    await mailbox.errands.once()

    assert stuck == "stuck" and called == ["good", "spoilt"]
    assert {each["state"] for each in await rows(store, select(errands.c.state))} == {"done"}


async def test_the_log_says_why_a_stream_takes_nothing(store: Database, caplog: pytest.LogCaptureFixture) -> None:
    class Full:
        """A broker whose streams are there, and full."""

        async def request(self, subject: str, *_: Any, **__: Any) -> Any:
            if subject.startswith("$JS.API"):
                return SimpleNamespace(data=b'{"created": "2026-11-22T10:00:00Z", "state": {"last_seq": 0}}')
            return SimpleNamespace(data=b'{"error": {"err_code": 10077}}')

    mailbox = silent("referrals", store)
    mailbox.relay.connection = Full()
    await mailbox.run(say_all, [cleared(uuid4())])

    with caplog.at_level(logging.WARNING):
        await mailbox.relay.once()

    assert "REFERRALS takes nothing (10077)" in caplog.text
    assert await count(store, outbox, outbox.c.sent_at.is_(None)) == 1
