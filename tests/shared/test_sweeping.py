"""What was sent is let go of after 30 days, and whoever begins to listen afterwards begins with what is left."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import now, real
from shared.database import Database
from shared.events.matching import OfferFellDue
from shared.events.referrals import RiskCleared
from shared.mailbox import Errand, Later, Said, Trip
from shared.mailbox.letter import KEPT
from shared.mailbox.sweep import DONE, POSTED, RUNG, Sweep
from shared.mailbox.tables import errands, heard, inbox, letters, outbox, spoken, timers
from tests.bus import with_shared_tables
from tests.shared.parties import a_letter, change, cleared, count, rows, say_all, silent

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


def a_timer(**when: Any) -> dict[str, Any]:
    return {
        "timer_id": uuid4(),
        "partition": 0,
        "type": "t",
        "body": b"",
        "trace": "",
        "due": real() - 90 * DAY,
        **when,
    }


def an_errand(key: str, state: str, done_at: datetime | None = None) -> dict[str, Any]:
    times = {"intended_at": real() - 90 * DAY, "done_at": done_at}
    return {"errand_key": key, "partition": 0, "type": "t", "body": b"", "trace": "", "state": state, **times}


async def test_timers_go_when_they_rang_long_ago_and_those_that_wait_stay(store: Database) -> None:
    rang = [a_timer(rung_at=real() - days * DAY) for days in (32, 29)]
    waiting, given_up = a_timer(rung_at=None), a_timer(rung_at=None, attempts=11, next_try=real() + 36500 * DAY)
    for each in (*rang, waiting, given_up):
        await change(store, insert(timers).values(**each))

    await Sweep(store, "0/1").once()

    left_over = {each["timer_id"] for each in await rows(store, select(timers.c.timer_id))}
    assert left_over == {each["timer_id"] for each in (rang[1], waiting, given_up)}


async def test_errands_go_when_they_were_done_long_ago_and_those_that_are_not_done_stay(store: Database) -> None:
    kept = {"fresh": ("done", real() - 29 * DAY), "meant": ("intended", None), "lost": ("stuck", None)}
    for key, (state, done_at) in {**kept, "old": ("done", real() - 32 * DAY), "under way": ("calling", None)}.items():
        await change(store, insert(errands).values(**an_errand(key, state, done_at)))

    await Sweep(store, "0/1").once()

    assert {each["errand_key"] for each in await rows(store, select(errands.c.errand_key))} == {*kept, "under way"}


async def test_a_round_lets_go_of_five_hundred_of_each_at_most_and_says_that_there_is_more(store: Database) -> None:
    long_ago, sweep = real() - 40 * DAY, Sweep(store, "0/1")
    async with store.transaction() as db:
        await db.execute(insert(timers), [a_timer(rung_at=long_ago) for _ in range(1200)])
        await db.execute(insert(errands), [an_errand(str(each), "done", long_ago) for each in range(700)])
        await db.execute(
            insert(inbox), [{"event_id": uuid4(), "source": "a", "heard_at": long_ago} for _ in range(600)]
        )

    left_over = []
    for _ in range(3):
        more = await sweep.once()
        left_over.append((more, *[await count(store, each) for each in (timers, errands, inbox)]))

    assert left_over == [(True, 700, 200, 100), (True, 200, 0, 0), (False, 0, 0, 0)]


async def test_a_share_lets_go_of_its_own_timers_and_errands(store: Database) -> None:
    long_ago = real() - 40 * DAY
    for partition in (0, 1):
        await change(store, insert(timers).values(**{**a_timer(rung_at=long_ago), "partition": partition}))
        await change(
            store, insert(errands).values(**{**an_errand(f"{partition}", "done", long_ago), "partition": partition})
        )

    await Sweep(store, "0/2").once()

    assert [each["partition"] for each in await rows(store, select(timers.c.partition))] == [1]
    assert [each["partition"] for each in await rows(store, select(errands.c.partition))] == [1]


async def test_what_made_a_timer_ring_and_an_errand_run_does_so_only_once_though_both_were_swept(
    store: Database,
) -> None:
    happened: list[str] = []

    async def hear(fact: RiskCleared, _: AsyncConnection) -> list[Said]:
        once = OfferFellDue(offer_id=fact.referral_id, person_id=fact.person_id)
        return [Later(once, due=now(), key="once"), Errand(fact, key="once")]

    async def ring(_: OfferFellDue, __: AsyncConnection) -> None:
        happened.append("rang")

    async def call(_: RiskCleared, trip: Trip) -> str:
        happened.append("called")
        return trip.key

    async def then(_: RiskCleared, __: Any, ___: AsyncConnection) -> None:
        return None

    letter, mailbox = a_letter(uuid4()), silent("matching", store)
    mailbox.on(RiskCleared, hear)
    mailbox.on_timer(OfferFellDue, ring)
    mailbox.errand(RiskCleared, call, then=then)
    await mailbox.apply([letter], "test")
    await mailbox.timers.once()
    await mailbox.errands.once()
    await change(store, update(timers).values(rung_at=real() - 40 * DAY))
    await change(store, update(errands).values(done_at=real() - 40 * DAY))
    await Sweep(store, "0/1").once()
    swept = await count(store, timers), await count(store, errands)

    await mailbox.apply([letter], "test")
    await mailbox.timers.once()
    await mailbox.errands.once()

    assert swept == (0, 0) and happened == ["rang", "called"]


@pytest.mark.parametrize(
    ("statement", "index"), [(RUNG, "timers_rung"), (DONE, "errands_done"), (POSTED, "inbox_by_time")]
)
async def test_what_is_over_is_found_by_an_index(store: Database, statement: Any, index: str) -> None:
    sqlite = store.dialect == "sqlite"
    wanted = statement.compile(dialect=store.engine.dialect, compile_kwargs={"render_postcompile": True})
    gone = real().isoformat() if sqlite else real()
    given = {"gone": gone, "partitions": "[0]" if sqlite else [0], "state_1": "done"}

    async with store.reading() as db:
        if not sqlite:
            await db.execute(text("set local enable_seqscan = off"))
        explain = f"explain {'query plan ' if sqlite else ''}{wanted}"
        values = tuple({**wanted.params, **given}[each] for each in wanted.positiontup or ())
        plan = str((await db.exec_driver_sql(explain, values)).all())

    assert index in plan


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
