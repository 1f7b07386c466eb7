"""Timers ring once, in order, when domain time reaches them and not before, whatever happens meanwhile."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import clock
from shared.clock import now
from shared.database import Database
from shared.events.matching import OfferFellDue, RoomFreed
from shared.mailbox import Later
from shared.mailbox.box import Mailbox
from shared.mailbox.tables import outbox, timers
from tests.bus import Bus, running_mailbox, until
from tests.shared.parties import all_sent, cleared, count, note, noted, say_all, says_only, silent, wait_for
from tests.shared.processes import small_service

HOUR = timedelta(hours=1)


def due(number: int, *, person: UUID | None = None) -> OfferFellDue:
    return OfferFellDue(offer_id=UUID(int=number), person_id=person or uuid4())


async def ring(fact: OfferFellDue, db: AsyncConnection) -> RoomFreed:
    await note(db, f"{fact.offer_id.int}")
    return RoomFreed(supporter_id=fact.offer_id, site_id="north")


def with_timers(database: Database) -> Mailbox:
    mailbox = silent("matching", database)
    mailbox.on_timer(OfferFellDue, ring)
    return mailbox


async def rung(mailbox: Mailbox) -> list[str]:
    while await mailbox.timers.once():
        pass
    return await noted(mailbox.database)


async def test_rings_a_timer_when_domain_time_reaches_it_and_only_once(bus: Bus, listener: Database) -> None:
    plan = [Later(due(7), due=now() + timedelta(milliseconds=200))]

    async with running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on_timer(OfferFellDue, ring)) as box:
        await box.run(say_all, plan)
        await wait_for(listener, 1)
        await until(lambda: all_sent(listener))
        again = await box.timers.once()

    assert not again
    assert await noted(listener) == ["7"]


@pytest.mark.parametrize(("ahead", "waits"), [(3.0, 3.0), (0.2, 1.0), (3600.0, 5.0), (None, 5.0)])
async def test_who_has_a_store_alone_sleeps_until_the_next_timer_is_due(
    listener: Database, ahead: float | None, waits: float
) -> None:
    mailbox, start = with_timers(listener), now()
    clock.step_to(start)
    if ahead:
        await mailbox.run(say_all, [Later(due(1), due=start + timedelta(seconds=ahead))])

    rung_any = await mailbox.timers.once()

    assert not rung_any
    assert mailbox.timers.every == waits


async def test_a_timer_that_failed_is_tried_again_after_its_pause(listener: Database) -> None:
    async def fail(_: OfferFellDue, __: AsyncConnection) -> None:
        raise ValueError

    mailbox = silent("matching", listener)
    mailbox.on_timer(OfferFellDue, fail)
    await mailbox.run(say_all, [Later(due(1), due=now())])

    failed, more = await mailbox.timers.once(), await mailbox.timers.once()

    assert failed and not more
    assert mailbox.timers.every == 1.0


async def test_a_timer_does_not_ring_before_it_is_due(listener: Database) -> None:
    mailbox, start = with_timers(listener), now()
    clock.step_to(start)
    await mailbox.run(say_all, [Later(due(1), due=start + HOUR)])

    clock.step_to(start + HOUR - timedelta(microseconds=1))
    before = await rung(mailbox)
    clock.step_to(start + HOUR)

    assert before == []
    assert await rung(mailbox) == ["1"]


async def test_timers_ring_in_the_order_in_which_they_are_due(listener: Database) -> None:
    mailbox, start, person = with_timers(listener), now(), uuid4()
    clock.step_to(start)
    hours = [5, 1, 4, 2, 3]
    for each in hours:
        await mailbox.run(say_all, [Later(due(each, person=person), due=start + each * HOUR)])

    clock.step_to(start + 10 * HOUR)

    assert await rung(mailbox) == ["1", "2", "3", "4", "5"]


async def test_a_timer_that_fails_keeps_those_due_after_it_from_nobody(listener: Database) -> None:
    async def fail_first(facts: Sequence[OfferFellDue], db: AsyncConnection) -> None:
        for each in facts:
            if each.offer_id.int == 1:
                raise ZeroDivisionError
            await note(db, f"{each.offer_id.int}")

    mailbox = silent("matching", listener)
    mailbox.on_timer(OfferFellDue, fail_first, many=True)
    await mailbox.run(say_all, [Later(due(each), due=now()) for each in (1, 2, 3)])

    assert sorted(await rung(mailbox)) == ["2", "3"]
    assert await count(listener, timers, timers.c.rung_at.is_(None)) == 1


async def test_a_clock_that_goes_back_rings_nothing_twice_and_nothing_early(listener: Database) -> None:
    mailbox, start = with_timers(listener), now()
    clock.step_to(start + 2 * HOUR)
    await mailbox.run(say_all, [Later(due(1), due=start + HOUR), Later(due(3), due=start + 3 * HOUR)])
    ahead = await rung(mailbox)

    clock.run_freely()
    back = await rung(mailbox)
    clock.step_to(start + 2 * HOUR)
    again = await rung(mailbox)

    assert ahead == back == again == ["1"]
    assert await count(listener, outbox) == 1


async def test_the_same_timer_set_twice_is_one(listener: Database) -> None:
    mailbox, fact, keyed, moment = with_timers(listener), due(1), due(2), now()

    for _ in range(2):
        await mailbox.run(say_all, [Later(fact, due=moment), Later(keyed, due=moment, key="one key")])

    assert sorted(await rung(mailbox)) == ["1", "2"]


async def test_a_timer_whose_process_is_killed_as_it_rings_rings_once_after_a_start(
    bus: Bus, listener: Database, speaker: Database, tmp_path: Path
) -> None:
    person = uuid4()

    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        async with small_service(bus, listener, tmp_path, halt="rung") as first:
            await says.run(say_all, [cleared(person, "ring")])
            await first.says("rung")
        between = await noted(listener)
        async with small_service(bus, listener, tmp_path):
            await wait_for(listener, 2)
            await until(lambda: all_sent(listener))

    assert between == ["0/1 ring"]
    assert await noted(listener) == ["0/1 ring", f"0/1 rang {person}"]
    assert await count(listener, outbox) == 2


async def test_later_returned_from_a_timer_comes_back_too(listener: Database) -> None:
    async def again(fact: OfferFellDue, db: AsyncConnection) -> Any:
        await note(db, f"{fact.offer_id.int}")
        return Later(due(fact.offer_id.int + 1), due=now()) if fact.offer_id.int < 3 else None

    mailbox = silent("matching", listener)
    mailbox.on_timer(OfferFellDue, again)
    await mailbox.run(say_all, [Later(due(1), due=now())])

    assert await rung(mailbox) == ["1", "2", "3"]
