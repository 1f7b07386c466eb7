"""Versions are gapless for each key; what came too early waits for what comes before it, and nobody starts half-way."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import real
from shared.database import Database
from shared.events.referrals import ContactShared, RiskCleared
from shared.mailbox import gate
from shared.mailbox.letter import KEPT, Letter
from shared.mailbox.mending import Mending, Signed
from shared.mailbox.outbox import say
from shared.mailbox.sweep import Sweep
from shared.mailbox.tables import heard, letters, outbox
from tests.bus import Bus, running_mailbox, until
from tests.counting import statements
from tests.shared.parties import (
    a_letter,
    all_sent,
    change,
    cleared,
    count,
    hears_and_remembers,
    note,
    noted,
    rows,
    say_all,
    says_only,
    silent,
    wait_for,
)

LONG_AGO = real() - KEPT - timedelta(hours=1)


async def test_versions_are_gapless_for_each_key(listener: Database) -> None:
    mailbox, person, other = silent("referrals", listener), uuid4(), uuid4()

    for _ in range(3):
        await mailbox.run(say_all, [cleared(person, "Ana"), cleared(other, "Cy"), cleared(person, "Ben")])

    said = await rows(listener, select(outbox.c.key, outbox.c.version).order_by(outbox.c.id))
    assert [each["version"] for each in said if each["key"] == str(person)] == [1, 2, 3, 4, 5, 6]
    assert [each["version"] for each in said if each["key"] == str(other)] == [1, 2, 3]
    assert await count(listener, heard) == 0


async def test_what_a_failed_transaction_would_have_said_leaves_no_gap(listener: Database) -> None:
    async def fail(person: UUID, db: AsyncConnection) -> None:
        await say(db, "referrals", [cleared(person, "never")])
        raise ZeroDivisionError

    mailbox, person = silent("referrals", listener), uuid4()
    await mailbox.run(say_all, [cleared(person, "first")])
    with pytest.raises(ZeroDivisionError):
        await mailbox.run(fail, person)
    await mailbox.run(say_all, [cleared(person, "second")])

    said = await rows(listener, select(outbox.c.version).order_by(outbox.c.id))
    assert [each["version"] for each in said] == [1, 2]


async def test_sealed_facts_count_on_their_own(listener: Database) -> None:
    mailbox, person = silent("referrals", listener), uuid4()
    contact = ContactShared(person_id=person, site_id="north", first_name="Ana", zone="America/New_York", reaches=[])

    await mailbox.run(say_all, [cleared(person, "one"), contact, cleared(person, "two"), contact])

    said = await rows(listener, select(outbox.c.channel, outbox.c.version).order_by(outbox.c.id))
    assert [(each["channel"], each["version"]) for each in said] == [
        ("referrals", 1),
        ("sealed.notifications", 1),
        ("referrals", 2),
        ("sealed.notifications", 2),
    ]


async def test_keeps_the_order_of_each_person_through_an_atomic_batch(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    people = [uuid4() for _ in range(5)]
    facts = [cleared(people[number % 5], f"{number % 5}:{number // 5:03}") for number in range(300)]

    async def remember_many(gathered: Sequence[RiskCleared], db: AsyncConnection) -> None:
        for each in gathered:
            await note(db, each.cleared_by)

    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on_many(RiskCleared, remember_many)),
    ):
        await says.run(say_all, facts)
        what = await wait_for(listener, 300)

    for person in range(5):
        assert [each for each in what if each.startswith(f"{person}:")] == [f"{person}:{n:03}" for n in range(60)]


async def test_what_came_too_early_waits_until_the_gap_closes(listener: Database) -> None:
    mailbox, person = silent("matching", listener), uuid4()
    hears_and_remembers(mailbox)
    first, second, third, fourth = (a_letter(person, version) for version in (1, 2, 3, 4))

    await mailbox.apply([fourth, first], "test")
    await mailbox.apply([third], "test")
    before = await noted(listener), await count(listener, letters, letters.c.state == "parked")
    await mailbox.apply([second], "test")
    while await mailbox.aside.once():
        pass

    assert before == (["number 1"], 2)
    assert await noted(listener) == ["number 1", "number 2", "number 3", "number 4"]
    assert await count(listener, letters) == 0


async def test_what_waited_before_a_start_is_taken_after_it(bus: Bus, listener: Database, speaker: Database) -> None:
    person = uuid4()
    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        await says.run(say_all, [cleared(person, "first"), cleared(person, "second")])
        await until(lambda: all_sent(speaker))
    kept = (await rows(speaker, select(outbox).order_by(outbox.c.id)))[1]
    early = a_letter(person, 2, by="second")
    before = silent("matching", listener)
    hears_and_remembers(before)
    await before.apply([early], "test")

    async with running_mailbox(bus, "matching", listener, hears_and_remembers):
        await wait_for(listener, 2)
        await until(lambda: nothing_aside(listener))

    assert kept["version"] == 2
    assert await noted(listener) == ["first", "second"]


async def nothing_aside(database: Database) -> bool:
    return await count(database, letters) == 0


async def test_nobody_else_waits_for_what_came_too_early(listener: Database) -> None:
    mailbox, early, other = silent("matching", listener), uuid4(), uuid4()
    hears_and_remembers(mailbox)

    await mailbox.apply([a_letter(early, 2), a_letter(other, 1, by="other")], "test")

    assert await noted(listener) == ["other"]


async def test_a_listener_that_comes_late_starts_where_the_stream_does(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    person, other = uuid4(), uuid4()
    says = silent("referrals", speaker)
    await says.run(say_all, [cleared(person, "gone 1"), cleared(person, "gone 2"), cleared(other, "gone 3")])
    await change(speaker, update(outbox).values(sent_at=LONG_AGO, sequence=1))
    await Sweep(speaker, "0/1").once()
    await says.run(say_all, [cleared(person, "kept 1"), cleared(person, "kept 2"), cleared(other, "kept 3")])

    async with (
        running_mailbox(bus, "referrals", speaker, says_only),
        running_mailbox(bus, "matching", listener, hears_and_remembers),
    ):
        what = await wait_for(listener, 3)

    assert [each for each in what if each != "kept 3"] == ["kept 1", "kept 2"]
    assert await count(listener, letters) == 0
    assert {each["key"]: each["version"] for each in await rows(listener, select(heard))} == {
        str(person): 4,
        str(other): 2,
    }


async def test_nothing_is_taken_that_follows_on_a_version_never_heard(listener: Database) -> None:
    mailbox, person = silent("matching", listener), uuid4()
    hears_and_remembers(mailbox)

    await mailbox.apply([a_letter(person, 5, opens=3), a_letter(person, 3, opens=3)], "test")
    await mailbox.apply([a_letter(person, 4, opens=3)], "test")
    while await mailbox.aside.once():
        pass

    assert await noted(listener) == ["number 3", "number 4", "number 5"]


GONE: list[Any] = [{"preceded_days_ago": 31}, {"opens": 2}]
"""How a second letter tells that the first has gone: from every stream, or from its speaker's outbox."""


async def put_aside(listener: Database, letter: Letter, state: str) -> None:
    async with listener.transaction() as db:
        await gate.put_aside(db, [letter], state=state, pause=timedelta(minutes=5))


@pytest.mark.parametrize("state", ["dead", "retrying"])
@pytest.mark.parametrize("gone", GONE, ids=["streams", "outbox"])
async def test_what_is_parked_is_not_taken_before_an_earlier_letter_that_was_put_aside(
    listener: Database, gone: Any, state: str
) -> None:
    mailbox, person = silent("matching", listener), uuid4()
    hears_and_remembers(mailbox)
    first, second = a_letter(person), a_letter(person, 2, **gone)
    await put_aside(listener, first, state)
    await put_aside(listener, second, "parked")

    more = await mailbox.aside.once()
    before = await noted(listener)
    await mailbox.run(Mending(mailbox).mend, Signed(first.event_id, "Kim", "it was spoilt", first.body))
    for _ in ("the first", "what waited behind it"):
        await mailbox.aside.once()

    assert (more, before) == (False, [])
    assert await noted(listener) == ["number 1", "number 2"]


@pytest.mark.parametrize("gone", GONE, ids=["streams", "outbox"])
async def test_what_is_parked_is_taken_when_the_letter_before_it_is_passed_over(listener: Database, gone: Any) -> None:
    mailbox, person = silent("matching", listener), uuid4()
    hears_and_remembers(mailbox)
    first = a_letter(person)
    await put_aside(listener, first, "dead")
    await put_aside(listener, a_letter(person, 2, **gone), "parked")

    await mailbox.run(Mending(mailbox).pass_over, Signed(first.event_id, "Kim", "nobody needs it"))
    await mailbox.aside.once()

    assert await noted(listener) == ["number 2"]
    assert await count(listener, letters) == 0


@pytest.mark.parametrize("gone", GONE, ids=["streams", "outbox"])
async def test_what_arrives_is_parked_behind_an_earlier_letter_that_was_put_aside(
    listener: Database, gone: Any
) -> None:
    mailbox, person, other = silent("matching", listener), uuid4(), uuid4()
    hears_and_remembers(mailbox)
    await put_aside(listener, a_letter(person), "dead")

    await mailbox.apply(
        [a_letter(person, 3), a_letter(person, 2, **gone), a_letter(other, 2, by="other", **gone)], "test"
    )

    assert await noted(listener) == ["other"]
    assert await count(listener, letters, letters.c.state == "parked") == 2


async def test_nothing_jumps_over_what_came_with_it_and_has_to_wait(listener: Database) -> None:
    mailbox, person = silent("matching", listener), uuid4()
    hears_and_remembers(mailbox)

    await mailbox.apply([a_letter(person, 5, opens=5), a_letter(person, 3)], "test")

    assert await noted(listener) == []


async def test_what_was_heard_already_holds_up_nobody_though_it_still_waits(listener: Database) -> None:
    mailbox, person = silent("matching", listener), uuid4()
    hears_and_remembers(mailbox)
    first = a_letter(person)
    await mailbox.apply([first], "test")
    await put_aside(listener, first, "dead")
    await put_aside(listener, a_letter(person, 3, preceded_days_ago=31), "parked")

    await mailbox.apply([a_letter(person, 5, preceded_days_ago=31)], "test")
    again = [await mailbox.aside.once() for _ in range(2)]

    assert again == [True, False]
    assert await noted(listener) == ["number 1", "number 3", "number 5"]


async def test_who_waits_is_asked_once_for_all_who_would_jump_and_never_else(listener: Database) -> None:
    mailbox = silent("matching", listener)
    hears_and_remembers(mailbox)

    with statements(listener) as usual:
        await mailbox.apply([a_letter(uuid4()) for _ in range(5)], "test")
    with statements(listener) as jumping:
        await mailbox.apply([a_letter(uuid4(), 2, preceded_days_ago=31) for _ in range(5)], "test")

    assert len(jumping) == len(usual) + 1
