"""What was sent is let go of after 30 days, and whoever begins to listen afterwards begins with what is left."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import real
from shared.database import Database
from shared.events.referrals import RiskCleared
from shared.mailbox.letter import KEPT
from shared.mailbox.sweep import Sweep
from shared.mailbox.tables import heard, inbox, letters, outbox, spoken
from tests.bus import with_shared_tables
from tests.shared.parties import a_letter, cleared, say_all, silent

DAY = timedelta(days=1)


@pytest.fixture
async def store(database: Database) -> Database:
    return await with_shared_tables(database)


async def said(store: Database, person: UUID, *, days_ago: list[int | None]) -> None:
    """Let facts of a person have been sent so many days ago, or never."""
    await silent("referrals", store).run(say_all, [cleared(person) for _ in days_ago])
    async with store.transaction() as db:
        for version, days in enumerate(days_ago, 1):
            mine = (outbox.c.key == str(person)) & (outbox.c.version == version)
            sent = None if days is None else real() - days * DAY
            await db.execute(update(outbox).where(mine).values(sent_at=sent, sequence=version))


async def left(store: Database, person: UUID) -> tuple[list[int], int]:
    """The versions that the outbox holds, and the first as the speaker knows it."""
    async with store.reading() as db:
        versions = select(outbox.c.version).where(outbox.c.key == str(person)).order_by(outbox.c.version)
        opens = await db.scalar(select(spoken.c.opens).where(spoken.c.key == str(person)))
        return list((await db.execute(versions)).scalars()), opens


@pytest.mark.parametrize(
    ("days_ago", "kept", "opens"),
    [
        ([40, 31, 29, 1], [3, 4], 3),
        ([40, None, 31], [2, 3], 2),
        ([1, 40, 40], [1, 2, 3], 1),
        ([40, 40], [], 3),
    ],
)
async def test_rows_go_thirty_days_after_they_were_sent_from_the_first_on(
    store: Database, days_ago: list[int | None], kept: list[int], opens: int
) -> None:
    person = uuid4()
    await said(store, person, days_ago=days_ago)

    await Sweep(store, "0/1").once()

    assert await left(store, person) == (kept, opens)


async def test_a_share_sweeps_what_is_its_own(store: Database) -> None:
    await silent("referrals", store).run(say_all, [cleared(uuid4()) for _ in range(400)])
    async with store.transaction() as db:
        await db.execute(update(outbox).values(sent_at=real() - 40 * DAY))

    await Sweep(store, "0/2").once()

    async with store.reading() as db:
        left_over = set((await db.execute(select(outbox.c.partition))).scalars())
    assert left_over == {1, 3, 5, 7}


async def test_more_rows_than_fit_one_look_are_swept_in_several(store: Database) -> None:
    person, sweep = uuid4(), Sweep(store, "0/1")
    await silent("referrals", store).run(say_all, [cleared(person) for _ in range(1200)])
    async with store.transaction() as db:
        await db.execute(update(outbox).where(outbox.c.version <= 1100).values(sent_at=real() - 40 * DAY))

    rounds = 1
    while await sweep.once():
        rounds += 1

    assert rounds == 3
    assert await left(store, person) == (list(range(1101, 1201)), 1101)


async def test_what_was_posted_is_remembered_for_longer_than_any_stream_keeps_it(store: Database) -> None:
    fresh, old = uuid4(), uuid4()
    ages = {fresh: KEPT, old: KEPT + 2 * DAY}
    async with store.transaction() as db:
        rows = [{"event_id": each, "source": "ingest.a.b", "heard_at": real() - age} for each, age in ages.items()]
        await db.execute(insert(inbox), rows)

    await Sweep(store, "0/1").once()

    async with store.reading() as db:
        assert (await db.execute(select(inbox.c.event_id))).scalars().all() == [fresh]


class Listener:
    """A mailbox that remembers whom it heard of, in order."""

    def __init__(self, store: Database) -> None:
        self.applied: list[str] = []
        self.mailbox = silent("matching", store)
        self.mailbox.on(RiskCleared, self.apply)

    async def apply(self, fact: RiskCleared, _: AsyncConnection) -> None:
        """Remember."""
        self.applied.append(fact.cleared_by)


async def test_whoever_listens_late_begins_where_the_stream_begins(store: Database) -> None:
    person, listener = uuid4(), Listener(store)

    await listener.mailbox.apply(
        [a_letter(person, 5, preceded_days_ago=31), a_letter(person, 6, preceded_days_ago=3)], "late"
    )

    assert listener.applied == ["number 5", "number 6"]


async def test_whoever_listens_late_begins_where_the_outbox_begins(store: Database) -> None:
    person, listener = uuid4(), Listener(store)

    await listener.mailbox.apply([a_letter(person, 5, opens=5)], "late")

    assert listener.applied == ["number 5"]


async def test_what_may_still_come_is_waited_for_until_no_stream_can_hold_it(store: Database) -> None:
    person, listener = uuid4(), Listener(store)
    await listener.mailbox.apply([a_letter(person, 5, preceded_days_ago=29.9)], "late")

    before = list(listener.applied)
    async with store.transaction() as db:
        await db.execute(update(letters).values(preceded_at=real() - 30.1 * DAY))
    await listener.mailbox.aside.once()

    assert before == [] and listener.applied == ["number 5"]
    async with store.reading() as db:
        assert (await db.execute(select(heard.c.version))).scalars().all() == [5]
