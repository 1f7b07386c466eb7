"""What fails holds back only its own key, and batches form by themselves."""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.events.referrals import RiskCleared
from shared.mailbox.box import Mailbox
from shared.mailbox.tables import letters
from tests.bus import Bus, running_mailbox, until
from tests.shared.parties import (
    HEARS_REFERRALS,
    all_sent,
    cleared,
    count,
    letters_by,
    note,
    noted,
    rows,
    say_all,
    says_only,
    wait_for,
)

MANY = 500


class Handler:
    """Notes what it hears, and fails on poison until somebody mends it."""

    def __init__(self) -> None:
        self.mended = False
        self.batches: list[int] = []
        self.failed: list[int] = []

    async def one(self, fact: RiskCleared, db: AsyncConnection) -> None:
        """Hear one fact."""
        if fact.cleared_by == "poison" and not self.mended:
            raise ZeroDivisionError
        await note(db, fact.cleared_by)

    async def many(self, facts: Sequence[RiskCleared], db: AsyncConnection) -> None:
        """Hear whatever gathered."""
        self.batches.append(len(facts))
        try:
            for each in facts:
                await self.one(each, db)
        except ZeroDivisionError:
            self.failed.append(len(facts))
            raise


async def test_a_poisoned_letter_holds_back_only_its_own_person(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    poisoned, healthy, handler = uuid4(), uuid4(), Handler()

    async def two_aside() -> bool:
        return await count(listener, letters) == 2

    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on(RiskCleared, handler.one)),
    ):
        await says.run(say_all, [cleared(poisoned, "poison"), cleared(healthy, "well"), cleared(poisoned, "after")])
        await until(two_aside)
        before = await noted(listener)
        handler.mended = True
        await wait_for(listener, 3)

    assert before == ["well"]
    assert await noted(listener) == ["well", "poison", "after"]
    assert await count(listener, letters) == 0


async def test_one_poisoned_letter_among_five_hundred_is_put_aside_with_those_behind_it(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    poisoned, others, handler = uuid4(), [uuid4() for _ in range(9)], Handler()
    before = [cleared(others[each % 9], f"{each % 9}:{each:03}") for each in range(200)]
    trouble = [cleared(poisoned, "poison"), cleared(poisoned, "behind 1"), cleared(poisoned, "behind 2")]
    after = [cleared(others[each % 9], f"{each % 9}:{each:03}") for each in range(200, MANY - len(trouble))]
    well = MANY - len(trouble)

    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        await says.run(say_all, [*before, *trouble, *after])
        await until(lambda: all_sent(speaker))
    async with running_mailbox(
        bus, "matching", listener, lambda mailbox: mailbox.on_many(RiskCleared, handler.many)
    ) as hears:
        await wait_for(listener, well)
        await until(lambda: counted(hears, "parked", 2))
        aside = await rows(listener, select(letters.c.key, letters.c.version, letters.c.state))
        handler.mended = True
        what = await wait_for(listener, MANY)

    assert letters_by(hears, "put_aside") == 1
    assert {(each["key"], each["version"]) for each in aside} == {(str(poisoned), each) for each in (1, 2, 3)}
    assert sorted(what[:well]) == sorted(each.cleared_by for each in [*before, *after])
    assert what[well:] == ["poison", "behind 1", "behind 2"]
    for each in range(9):
        of_one = [one for one in what if one.startswith(f"{each}:")]
        assert of_one == sorted(of_one)


async def counted(mailbox: Mailbox, outcome: str, wanted: int) -> bool:
    return letters_by(mailbox, outcome) >= wanted


async def test_a_batch_that_fails_is_taken_one_by_one(bus: Bus, listener: Database, speaker: Database) -> None:
    handler = Handler()
    facts = [cleared(uuid4(), f"{each}") for each in range(20)]

    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        await says.run(say_all, [*facts[:10], cleared(uuid4(), "poison"), *facts[10:]])
        await until(lambda: all_sent(speaker))
    async with running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on_many(RiskCleared, handler.many)):
        await wait_for(listener, 20)

    assert handler.batches.count(1) >= handler.failed[0] > 1
    assert sorted(await noted(listener)) == sorted(each.cleared_by for each in facts)


async def test_an_idle_mailbox_takes_a_letter_at_once_and_alone(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    handler = Handler()

    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on_many(RiskCleared, handler.many)),
    ):
        for number in range(3):
            await says.run(say_all, [cleared(uuid4(), f"{number}")])
            await wait_for(listener, number + 1, within=5)

    assert handler.batches == [1, 1, 1]


async def test_what_gathers_while_a_transaction_runs_is_taken_as_one_list(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    handler, arrived = Handler(), 40

    async def slow(facts: Sequence[RiskCleared], db: AsyncConnection) -> None:
        if not handler.batches:
            await says.run(say_all, [cleared(uuid4(), f"{each}") for each in range(arrived)])
            await until(lambda: delivered(bus, 1 + arrived))
        await handler.many(facts, db)

    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on_many(RiskCleared, slow)),
    ):
        await says.run(say_all, [cleared(uuid4(), "first")])
        await wait_for(listener, 1 + arrived)

    assert handler.batches[0] == 1 and sum(handler.batches) == 1 + arrived
    assert len(handler.batches) <= 3


async def delivered(bus: Bus, wanted: int) -> bool:
    told = await bus.ask(f"CONSUMER.INFO.REFERRALS.{HEARS_REFERRALS}")
    return bool(told["delivered"]["consumer_seq"] >= wanted)
