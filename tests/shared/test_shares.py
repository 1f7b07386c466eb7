"""Two processes share one PostgreSQL: each works its own partitions, and neither stands in for the other."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from shared import names
from shared.database import Database
from shared.mailbox.tables import letters, outbox
from tests.bus import Bus, running_bus, running_mailbox, until
from tests.conftest import new_database
from tests.servers import PostgresServer
from tests.shared import parties
from tests.shared.parties import all_sent, cleared, count, noted, rows, say_all, says_only, wait_for
from tests.shared.processes import Process, small_service, told

SHARES = ("0/2", "1/2")


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    """A real NATS whose consumers are made for two shares."""
    async with running_bus(tmp_path / "nats", shares=2) as running:
        yield running


@pytest.fixture
async def store(postgres: PostgresServer) -> AsyncIterator[Database]:
    """One PostgreSQL database for both."""
    opened = Database.open(await new_database(postgres.url))
    yield await parties.with_a_diary(opened)
    await opened.close()


def people_of(share: str, many: int = 8) -> list[UUID]:
    """People whose partition belongs to a share, spread over all of its partitions."""
    mine = names.partitions_of(share)
    found: dict[int, list[UUID]] = {each: [] for each in mine}
    while any(len(each) < many // len(mine) for each in found.values()):
        person = uuid4()
        found.setdefault(names.partition(str(person)), []).append(person)
    return [person for each in mine for person in found[each][: many // len(mine)]]


EVERYBODY = {share: people_of(share) for share in SHARES}


def facts(what: str, *, rounds: int = 1, shares: tuple[str, ...] = SHARES) -> list[Any]:
    """Facts about everybody, in rounds."""
    everybody = [person for share in shares for person in EVERYBODY[share]]
    return [cleared(person, f"{what} {number:02} {person}") for number in range(rounds) for person in everybody]


def expected(what: str, *, rounds: int = 1, shares: tuple[str, ...] = SHARES) -> Counter[str]:
    """What is noted of those facts, each by the share whose it is."""
    return Counter(
        f"{share} {what} {number:02} {person}"
        for share in shares
        for number in range(rounds)
        for person in EVERYBODY[share]
    )


def of(what: list[str], kind: str) -> Counter[str]:
    return Counter(each for each in what if each.split(" ")[1] == kind)


async def test_two_shares_hear_everything_once_in_order_and_each_only_its_own(
    bus: Bus, store: Database, speaker: Database, tmp_path: Path
) -> None:
    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        small_service(bus, store, tmp_path, share="0/2"),
        small_service(bus, store, tmp_path, share="1/2"),
    ):
        await says.run(say_all, facts("well", rounds=20))
        what = await wait_for(store, 20 * 16)
        await until(lambda: said(store, 20 * 16))

    assert Counter(what) == expected("well", rounds=20)
    for person in (str(each) for share in SHARES for each in EVERYBODY[share]):
        of_one = [each for each in what if each.endswith(person)]
        assert of_one == sorted(of_one)


async def said(store: Database, wanted: int) -> bool:
    return await count(store, outbox, outbox.c.sent_at.is_not(None)) == wanted


async def test_letters_put_aside_timers_and_errands_are_each_shares_own_too(
    bus: Bus, store: Database, speaker: Database, tmp_path: Path
) -> None:
    async def all_aside() -> bool:
        return await count(store, letters, letters.c.state == "retrying") == 16

    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        small_service(bus, store, tmp_path, share="0/2") as one,
        small_service(bus, store, tmp_path, share="1/2"),
    ):
        await says.run(say_all, facts("poison"))
        await until(all_aside)
        await says.run(say_all, [*facts("ring"), *facts("call")])
        one.told.mended.touch()
        what = await wait_for(store, 16 * 6)

    for kind in ("poison", "ring", "call"):
        assert of(what, kind) == expected(kind)
    rang = Counter(f"{share} rang {person}" for share in SHARES for person in EVERYBODY[share])
    assert of(what, "rang") == rang
    for kind in ("again", "once"):
        assert of(what, kind) == Counter({f"{share} {kind} answered": 8 for share in SHARES})
    assert max(Counter(one.told.calls.read_text().splitlines()).values()) == 1


async def test_while_one_share_is_dead_the_other_goes_on_and_what_was_the_dead_ones_waits(
    bus: Bus, store: Database, speaker: Database, tmp_path: Path
) -> None:
    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        small_service(bus, store, tmp_path, share="0/2"),
    ):
        async with small_service(bus, store, tmp_path, share="1/2") as dies:
            await says.run(say_all, facts("before"))
            await wait_for(store, 16)
            dies.kill()
        await says.run(say_all, facts("meanwhile"))
        await wait_for(store, 16 + 8)
        await until(lambda: all_sent(speaker))
        meanwhile = await noted(store)
        async with small_service(bus, store, tmp_path, share="1/2"):
            after = await wait_for(store, 32)

    assert of(meanwhile, "meanwhile") == expected("meanwhile", shares=("0/2",))
    assert Counter(after) == expected("before") + expected("meanwhile")


@pytest.mark.parametrize("share", ["0/2", "0/1"])
async def test_a_share_that_is_worked_already_is_refused(bus: Bus, store: Database, tmp_path: Path, share: str) -> None:
    async with small_service(bus, store, tmp_path, share="0/2"):
        second = Process(told(bus, store, tmp_path, share=share))
        says = await second.next_word()
        second.kill()

    assert says.startswith(f"refused: Share {share} of this database, or a part of it, is already worked")


async def test_the_share_of_a_killed_process_is_free_at_once(bus: Bus, store: Database, tmp_path: Path) -> None:
    async with small_service(bus, store, tmp_path, share="0/2"):
        pass

    async with asyncio.timeout(60):
        async with small_service(bus, store, tmp_path, share="0/2") as second:
            alive = second.process.is_alive()

    assert alive


async def test_what_each_share_says_leaves_through_its_own_relay(
    bus: Bus, store: Database, speaker: Database, tmp_path: Path
) -> None:
    async def sent_of(share: str) -> bool:
        mine = outbox.c.partition.in_(names.partitions_of(share))
        return bool(await count(store, outbox, mine)) and not await count(
            store, outbox, mine, outbox.c.sent_at.is_(None)
        )

    async with running_mailbox(bus, "matching", store, says_only, share="0/2") as one:
        await one.run(say_all, [parties.freed(person) for share in SHARES for person in EVERYBODY[share]])
        await until(lambda: sent_of("0/2"))
    waits = await rows(store, select(outbox.c.partition).where(outbox.c.sent_at.is_(None)))
    async with running_mailbox(bus, "matching", store, says_only, share="1/2"):
        await until(lambda: sent_of("1/2"))

    assert {each["partition"] for each in waits} == set(names.partitions_of("1/2"))
