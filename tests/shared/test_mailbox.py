"""The promises of the mailbox, against real NATS and both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import now
from shared.database import Database
from shared.events.matching import OfferFellDue, RoomFreed
from shared.events.referrals import ContactShared, CrisisRaised, RiskCleared
from shared.mailbox import Errand, Ingested, Later, Reply, Status
from shared.mailbox.box import Mailbox
from shared.mailbox.tables import errands, heard, letters, outbox
from tests.bus import Bus, running_bus, running_mailbox, until, with_shared_tables

metadata = MetaData()
seen = Table("seen", metadata, Column("id", Integer, primary_key=True, autoincrement=True), Column("what", Text))


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    async with running_bus(tmp_path / "nats") as running:
        yield running


@pytest.fixture
async def listener(database: Database) -> Database:
    await with_shared_tables(database)
    async with database.transaction() as db:
        await db.run_sync(metadata.create_all)
    return database


@pytest.fixture
async def speaker(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'speaker.sqlite'}")
    yield await with_shared_tables(opened)
    await opened.close()


async def note(db: AsyncConnection, what: str) -> None:
    await db.execute(insert(seen).values(what=what))


async def noted(database: Database) -> list[str]:
    async with database.reading() as db:
        return list((await db.execute(select(seen.c.what).order_by(seen.c.id))).scalars())


def cleared(person: UUID, by: str) -> RiskCleared:
    return RiskCleared(referral_id=uuid4(), person_id=person, cleared_by=by, cleared_at=now())


async def say_all(facts: list[Any], db: AsyncConnection) -> Reply:
    return Reply("done", facts)


async def count(database: Database, table: Table) -> int:
    async with database.reading() as db:
        return int(await db.scalar(select(func.count()).select_from(table)))


async def test_carries_a_fact_once_from_one_store_to_another(bus: Bus, listener: Database, speaker: Database) -> None:
    async def remember(fact: RiskCleared, db: AsyncConnection) -> None:
        await note(db, fact.cleared_by)

    async with (
        running_mailbox(bus, "referrals", speaker, lambda _: None) as says,
        running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on(RiskCleared, remember)),
    ):
        answer = await says.run(say_all, [cleared(uuid4(), "Ana")])
        await until(lambda: noted(listener))

    assert answer == "done"
    assert await noted(listener) == ["Ana"]


async def test_keeps_the_order_of_each_person_through_an_atomic_batch(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    people = [uuid4() for _ in range(5)]
    facts = [cleared(people[number % 5], f"{number % 5}:{number // 5:03}") for number in range(300)]
    sizes: list[int] = []

    async def remember(gathered: list[RiskCleared], db: AsyncConnection) -> None:
        sizes.append(len(gathered))
        for each in gathered:
            await note(db, each.cleared_by)

    async with (
        running_mailbox(bus, "referrals", speaker, lambda _: None) as says,
        running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on_many(RiskCleared, remember)),
    ):
        await says.run(say_all, facts)

        async def all_there() -> bool:
            return await count(listener, seen) == 300

        await until(all_there)

    what = await noted(listener)
    for person in range(5):
        assert [each for each in what if each.startswith(f"{person}:")] == [f"{person}:{n:03}" for n in range(60)]
    assert max(sizes) > 1


async def test_changes_nothing_when_everything_is_heard_again(bus: Bus, listener: Database, speaker: Database) -> None:
    async def remember(fact: RiskCleared, db: AsyncConnection) -> None:
        await note(db, fact.cleared_by)

    async with running_mailbox(bus, "referrals", speaker, lambda _: None) as says:
        async with running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on(RiskCleared, remember)):
            await says.run(say_all, [cleared(uuid4(), "Ana"), cleared(uuid4(), "Ben")])
            await until(lambda: _two(listener))
        admin = await bus.client("admin")
        await admin.request("$JS.API.CONSUMER.DELETE.REFERRALS.matching-on-referrals-0of1", b"", timeout=2)
        await admin.close()
        await bus.declare()
        async with running_mailbox(
            bus, "matching", listener, lambda mailbox: mailbox.on(RiskCleared, remember)
        ) as hears:
            await until(lambda: _known(hears, 2))

    assert sorted(await noted(listener)) == ["Ana", "Ben"]


async def _two(listener: Database) -> bool:
    return len(await noted(listener)) == 2


async def _known(mailbox: Mailbox, wanted: int) -> bool:
    counter = mailbox.meters.letters.labels("matching-on-referrals-0of1", "known")
    return float(counter._value.get()) >= wanted


async def test_says_everything_again_when_the_broker_has_forgotten(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    async def remember(fact: RiskCleared, db: AsyncConnection) -> None:
        await note(db, fact.cleared_by)

    async with running_mailbox(bus, "referrals", speaker, lambda _: None) as says:
        await says.run(say_all, [cleared(uuid4(), "Ana"), cleared(uuid4(), "Ben")])
        await until(lambda: _all_sent(speaker))
        admin = await bus.client("admin")
        await admin.request("$JS.API.STREAM.DELETE.REFERRALS", b"", timeout=2)
        await admin.close()
        await bus.declare()
        async with running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on(RiskCleared, remember)):
            await until(lambda: _two(listener), within=15)

    assert sorted(await noted(listener)) == ["Ana", "Ben"]


async def _all_sent(database: Database) -> bool:
    async with database.reading() as db:
        rows = (await db.execute(select(outbox.c.sent_at))).scalars().all()
    return bool(rows) and all(rows)


async def test_a_poisoned_letter_holds_back_only_its_own_person(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    poisoned, healthy = uuid4(), uuid4()
    mended = False

    async def remember(fact: RiskCleared, db: AsyncConnection) -> None:
        if fact.cleared_by == "poison" and not mended:
            raise ZeroDivisionError
        await note(db, fact.cleared_by)

    async with (
        running_mailbox(bus, "referrals", speaker, lambda _: None) as says,
        running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on(RiskCleared, remember)),
    ):
        await says.run(say_all, [cleared(poisoned, "poison"), cleared(healthy, "well"), cleared(poisoned, "after")])
        await until(lambda: _two_aside(listener))
        before = await noted(listener)
        mended = True
        await until(lambda: _three(listener), within=15)

    assert before == ["well"]
    assert await noted(listener) == ["well", "poison", "after"]
    assert await count(listener, letters) == 0


async def _two_aside(listener: Database) -> bool:
    return await count(listener, letters) == 2


async def _three(listener: Database) -> bool:
    return len(await noted(listener)) == 3


async def test_a_handler_that_fails_leaves_no_trace(listener: Database) -> None:
    async def fail(_: str, db: AsyncConnection) -> None:
        await note(db, "half")
        raise ZeroDivisionError

    mailbox = _silent("matching", listener)
    with pytest.raises(ZeroDivisionError):
        await mailbox.run(fail, "x")

    assert await noted(listener) == []
    assert await count(listener, outbox) == 0


def _silent(speaker: str, database: Database) -> Mailbox:
    from prometheus_client import CollectorRegistry

    from shared.mailbox.meters import Meters

    return Mailbox(speaker, database, Meters(CollectorRegistry()))


async def test_rings_a_timer_when_domain_time_reaches_it_and_only_once(bus: Bus, listener: Database) -> None:
    fact = OfferFellDue(offer_id=uuid4(), person_id=uuid4())

    async def ring(fact: OfferFellDue, db: AsyncConnection) -> RoomFreed:
        await note(db, "rang")
        return RoomFreed(supporter_id=fact.offer_id, site_id="north")

    async def plan(facts: list[Any], db: AsyncConnection) -> list[Any]:
        return [Later(each, due=now() + timedelta(milliseconds=200)) for each in facts]

    async with running_mailbox(bus, "matching", listener, lambda mailbox: mailbox.on(OfferFellDue, ring)) as mailbox:
        await mailbox.run(plan, [fact])
        await until(lambda: noted(listener))
        await until(lambda: _all_sent(listener))
        again = await mailbox.timers.once()

    assert not again
    assert await noted(listener) == ["rang"]


async def test_a_sealed_fact_travels_unreadable_and_reaches_its_one_listener(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    contact = ContactShared(
        person_id=uuid4(), site_id="north", first_name="Canary", zone="America/New_York", reaches=[]
    )

    async def remember(fact: ContactShared, db: AsyncConnection) -> None:
        await note(db, fact.first_name or "")

    async with (
        running_mailbox(bus, "referrals", speaker, lambda _: None) as says,
        running_mailbox(bus, "notifications", listener, lambda mailbox: mailbox.on(ContactShared, remember)),
    ):
        await says.run(say_all, [contact])
        await until(lambda: noted(listener))

    async with speaker.reading() as db:
        assert b"Canary" not in (await db.execute(select(outbox.c.body))).scalar_one()
    assert await noted(listener) == ["Canary"]


async def test_runs_an_errand_outside_and_commits_its_result(bus: Bus, listener: Database) -> None:
    page = CrisisRaised(referral_id=uuid4(), person_id=uuid4(), site_id="north", raised_at=now())
    calls: list[str] = []

    async def call(fact: CrisisRaised, key: str) -> str:
        calls.append(key)
        return "taken"

    async def then(fact: CrisisRaised, result: Any, db: AsyncConnection) -> None:
        await note(db, result)

    async def intend(_: str, db: AsyncConnection) -> list[Any]:
        return [Errand(page, key="page-1"), Errand(page, key="page-1")]

    def register(mailbox: Mailbox) -> None:
        mailbox.errand(CrisisRaised, call, then=then)

    async with running_mailbox(bus, "notifications", listener, register) as mailbox:
        await mailbox.run(intend, "")
        await until(lambda: noted(listener))

    assert calls == ["page-1"]
    assert await noted(listener) == ["taken"]
    async with listener.reading() as db:
        assert (await db.execute(select(errands.c.state))).scalars().all() == ["done"]


async def test_an_organisation_posts_and_is_told_what_became_of_it(bus: Bus, listener: Database) -> None:
    async def receive(posted: Ingested, db: AsyncConnection) -> Status:
        await note(db, posted.body.decode())
        return Status(organisation=posted.organisation, kind="referral", about="r1", body={"status": "accepted"})

    def register(mailbox: Mailbox) -> None:
        mailbox.on_ingest("referral", receive)

    async with running_mailbox(bus, "referrals", listener, register):
        hospital = await bus.client("general-hospital")
        taken = await hospital.request("ingest.general-hospital.referral.v1", b"{}", timeout=2)
        await until(lambda: noted(listener))
        reader = await hospital.jetstream().pull_subscribe_bind(durable="reader", stream="STATUS_general-hospital")
        (told,) = await reader.fetch(1, timeout=5)
        await hospital.close()

    assert b'"seq":1' in taken.data.replace(b" ", b"")
    assert told.data == b'{"status": "accepted"}'
    assert await noted(listener) == ["{}"]


@pytest.mark.parametrize("status", ["100", "408", "503"])
async def test_a_header_named_like_the_brokers_own_takes_nothing_away(
    bus: Bus, listener: Database, status: str
) -> None:
    async def receive(posted: Ingested, db: AsyncConnection) -> None:
        await note(db, posted.body.decode())

    async with running_mailbox(bus, "referrals", listener, lambda mailbox: mailbox.on_ingest("referral", receive)):
        hospital = await bus.client("general-hospital")
        await hospital.request("ingest.general-hospital.referral.v1", b"{}", timeout=2, headers={"Status": status})
        await until(lambda: noted(listener))
        await hospital.close()

    assert await noted(listener) == ["{}"]


async def test_a_fact_that_no_broker_takes_is_not_said(listener: Database) -> None:
    mailbox = _silent("referrals", listener)

    with pytest.raises(ValueError, match="more than the broker takes"):
        await mailbox.run(say_all, [cleared(uuid4(), "x" * 260_000)])

    assert await count(listener, outbox) == 0


@pytest.mark.parametrize("others", [3, 30])
async def test_a_row_that_the_broker_never_takes_holds_up_no_other(bus: Bus, speaker: Database, others: int) -> None:
    await _silent("referrals", speaker).run(say_all, [cleared(uuid4(), f"{each}") for each in range(others + 1)])
    async with speaker.transaction() as db:
        await db.execute(update(outbox).where(outbox.c.id == 2).values(body=b"x" * 300_000))

    async with running_mailbox(bus, "referrals", speaker, lambda _: None):
        await until(lambda: _sent(speaker, others))

    async with speaker.reading() as db:
        assert (await db.execute(select(outbox.c.id).where(outbox.c.sent_at.is_(None)))).scalars().all() == [2]


async def _sent(database: Database, wanted: int) -> bool:
    async with database.reading() as db:
        sent = select(func.count()).select_from(outbox).where(outbox.c.sent_at.is_not(None))
        return bool(await db.scalar(sent) == wanted)


async def test_answers_a_payer_on_the_bus(bus: Bus, listener: Database) -> None:
    async def answer(asked: Ingested, db: AsyncConnection) -> dict[str, Any]:
        return {"payer": asked.organisation}

    def register(mailbox: Mailbox) -> None:
        mailbox.on_query("covered-sessions", answer)

    async with running_mailbox(bus, "scheduling", listener, register):
        payer = await bus.client("garden-health")
        told = await payer.request("query.garden-health.covered-sessions.v1", b"{}", timeout=2)
        await payer.close()

    assert told.data == b'{"payer":"garden-health"}'


async def test_versions_are_gapless_for_each_key(listener: Database) -> None:
    mailbox, person = _silent("referrals", listener), uuid4()

    for _ in range(3):
        await mailbox.run(say_all, [cleared(person, "Ana"), cleared(person, "Ben")])

    async with listener.reading() as db:
        assert (await db.execute(select(outbox.c.version).order_by(outbox.c.id))).scalars().all() == [1, 2, 3, 4, 5, 6]
    assert await count(listener, heard) == 0
