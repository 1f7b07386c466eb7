"""Errands: the intent is committed, the call is made outside any transaction, the result is committed once."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import now
from shared.database import Database
from shared.events.referrals import CrisisRaised, RiskCleared
from shared.mailbox import Errand, Trip
from shared.mailbox.box import Mailbox
from shared.mailbox.tables import errands
from tests.bus import Bus, running_mailbox, until
from tests.shared.parties import cleared, count, note, noted, rows, say_all, says_only, silent, wait_for
from tests.shared.processes import small_service

CALLS_WHEN_KILLED = {
    "intended": {"again": 1, "once": 1},
    "calling": {"again": 1, "once": 0},
    "called": {"again": 2, "once": 1},
    "home": {"again": 2, "once": 1},
}
"""How often the outside world was called in all, by where the first process was killed."""


def page() -> CrisisRaised:
    return CrisisRaised(referral_id=uuid4(), person_id=uuid4(), site_id="north", raised_at=now())


async def test_runs_an_errand_outside_and_commits_its_result(bus: Bus, listener: Database) -> None:
    calls: list[str] = []

    async def call(fact: CrisisRaised, trip: Trip) -> str:
        calls.append(trip.key)
        return "taken"

    async def then(fact: CrisisRaised, result: Any, db: AsyncConnection) -> None:
        await note(db, result)

    def register(mailbox: Mailbox) -> None:
        mailbox.errand(CrisisRaised, call, then=then)

    async with running_mailbox(bus, "notifications", listener, register) as mailbox:
        await mailbox.run(say_all, [Errand(page(), key="page-1"), Errand(page(), key="page-1")])
        await wait_for(listener, 1)

    assert calls == ["page-1"]
    assert await noted(listener) == ["taken"]
    assert [each["state"] for each in await rows(listener, select(errands))] == ["done"]


async def test_the_intent_is_committed_before_the_call_and_no_transaction_is_open_during_it(listener: Database) -> None:
    found: list[str] = []

    async def call(fact: CrisisRaised, trip: Trip) -> str:
        found.extend(each["state"] for each in await rows(listener, select(errands)))
        async with listener.transaction() as db:
            await note(db, "somebody else writes")
        return "taken"

    async def then(fact: CrisisRaised, result: Any, db: AsyncConnection) -> None:
        await note(db, result)

    mailbox = silent("notifications", listener)
    mailbox.errand(CrisisRaised, call, then=then)
    await mailbox.run(say_all, [Errand(page(), key="page-1")])

    await mailbox.errands.once()

    assert found == ["calling"]
    assert await noted(listener) == ["somebody else writes", "taken"]


async def test_a_call_that_takes_too_long_is_cut_off_and_its_handler_is_told(listener: Database) -> None:
    async def never(fact: CrisisRaised, trip: Trip) -> str:
        await asyncio.sleep(8)
        return "too late"

    async def then(fact: CrisisRaised, result: Any, db: AsyncConnection) -> None:
        await note(db, type(result).__name__)

    mailbox = silent("notifications", listener)
    mailbox.errand(CrisisRaised, never, then=then, timeout=0.2)
    await mailbox.run(say_all, [Errand(page(), key="page-1")])

    await mailbox.errands.once()

    assert await noted(listener) == ["TimeoutError"]


async def test_a_page_does_not_wait_for_the_calls_of_a_hundred_others(listener: Database) -> None:
    paged = asyncio.Event()

    async def slow(fact: RiskCleared, trip: Trip) -> str:
        await asyncio.sleep(3)
        return "reminded"

    async def call(fact: CrisisRaised, trip: Trip) -> str:
        paged.set()
        return "paged"

    async def then(fact: Any, result: Any, db: AsyncConnection) -> None:
        await note(db, result)

    mailbox = silent("notifications", listener)
    mailbox.errand(RiskCleared, slow, then=then)
    mailbox.errand(CrisisRaised, call, then=then)
    await mailbox.run(say_all, [Errand(cleared(uuid4(), "Sam"), key=str(each)) for each in range(100)])
    mailbox.errands.start()
    await until_calling(listener, 64)

    await mailbox.run(say_all, [Errand(page(), key="page-1")])
    await asyncio.wait_for(paged.wait(), 1)
    first = await wait_for(listener, 1)
    calling = await count(listener, errands, errands.c.state == "calling")
    await mailbox.stop()

    assert first == ["paged"] and calling == 64
    assert (await noted(listener)).count("reminded") >= 64


async def test_a_kinds_calls_are_made_once_each_and_at_most_64_at_a_time(listener: Database) -> None:
    calls: list[str] = []
    under_way, most = 0, 0

    async def call(fact: RiskCleared, trip: Trip) -> str:
        nonlocal under_way, most
        calls.append(trip.key)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1
        mailbox.errands.wake()
        return "taken"

    async def then(fact: RiskCleared, result: Any, db: AsyncConnection) -> None:
        await note(db, result)

    mailbox = silent("notifications", listener)
    mailbox.errand(RiskCleared, call, then=then, repeatable=False)
    mailbox.errand(CrisisRaised, call, then=then, repeatable=False)
    keys = {str(each) for each in range(150)}
    await mailbox.run(say_all, [Errand(cleared(uuid4(), "Sam"), key=each) for each in keys])

    mailbox.errands.start()
    told = await wait_for(listener, 150)
    await mailbox.stop()

    assert sorted(calls) == sorted(keys) and most == 64
    assert set(told) == {"taken"}


async def test_an_orderly_stop_keeps_the_result_of_a_call_under_way(listener: Database) -> None:
    async def call(fact: CrisisRaised, trip: Trip) -> str:
        await asyncio.sleep(0.5)
        return "taken"

    async def then(fact: CrisisRaised, result: Any, db: AsyncConnection) -> None:
        await note(db, result)

    mailbox = silent("notifications", listener)
    mailbox.errand(CrisisRaised, call, then=then, repeatable=False)
    await mailbox.run(say_all, [Errand(page(), key="page-1")])
    mailbox.errands.start()
    await until_calling(listener, 1)

    await mailbox.stop()

    assert await noted(listener) == ["taken"]
    assert await count(listener, errands, errands.c.state == "done") == 1


async def test_a_stop_does_not_wait_for_a_database_that_stays_away(listener: Database) -> None:
    async def call(fact: CrisisRaised, trip: Trip) -> str:
        return "taken"

    async def then(fact: CrisisRaised, result: Any, db: AsyncConnection) -> None:
        raise ConnectionError

    mailbox = silent("notifications", listener)
    mailbox.errand(CrisisRaised, call, then=then)
    await mailbox.run(say_all, [Errand(page(), key="page-1")])
    mailbox.errands.start()
    await until_calling(listener, 1)

    await asyncio.wait_for(mailbox.stop(), 10)

    assert await count(listener, errands, errands.c.state == "calling") == 1


async def until_calling(database: Database, many: int) -> None:
    """Wait until so many calls are under way."""

    async def enough() -> bool:
        return await count(database, errands, errands.c.state == "calling") == many

    await until(enough, within=10)


@pytest.mark.parametrize("killed", CALLS_WHEN_KILLED)
async def test_an_errand_is_called_as_often_as_promised_and_its_result_kept_once_wherever_its_process_is_killed(
    bus: Bus, listener: Database, speaker: Database, tmp_path: Path, killed: str
) -> None:
    both = 1 if killed in ("intended", "home") else 2

    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        async with small_service(bus, listener, tmp_path, halt=killed) as first:
            await says.run(say_all, [cleared(uuid4(), "call")])
            await first.says(killed, times=both)
        between = await noted(listener)
        async with small_service(bus, listener, tmp_path) as second:
            await wait_for(listener, 3)

    lines = second.told.calls.read_text().splitlines() if second.told.calls.exists() else []
    calls = {kind: sum(each.startswith(kind) for each in lines) for kind in ("again", "once")}
    assert between == ["0/1 call"]
    assert calls == CALLS_WHEN_KILLED[killed]
    assert set(lines) <= {"again call", "again call lost", "once call"}
    assert ("again call lost" in lines) == (killed != "intended")
    what_became = "answered" if killed == "intended" else "None"
    assert sorted(await noted(listener)) == ["0/1 again answered", "0/1 call", f"0/1 once {what_became}"]
    assert await count(listener, errands, errands.c.state == "done") == 2
