"""Who speaks and who hears in the tests of the mailbox: facts, letters, and a diary of what was heard."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import now, real
from shared.database import Database
from shared.events.matching import RoomFreed
from shared.events.referrals import RiskCleared
from shared.mailbox import Reply
from shared.mailbox.box import Mailbox
from shared.mailbox.letter import Letter
from shared.mailbox.meters import Meters
from shared.mailbox.tables import outbox
from tests.bus import Bus, until, with_shared_tables

metadata = MetaData()
diary = Table("diary", metadata, Column("id", Integer, primary_key=True, autoincrement=True), Column("what", Text))

HEARS_REFERRALS = "matching-on-referrals-0of1"


async def with_a_diary(database: Database) -> Database:
    """The mailbox's tables, and one in which handlers note what they heard."""
    await with_shared_tables(database)
    async with database.transaction() as db:
        await db.run_sync(metadata.create_all)
    return database


async def note(db: AsyncConnection, what: str) -> None:
    """Change something."""
    await db.execute(insert(diary).values(what=what))


async def noted(database: Database) -> list[str]:
    """What was changed, in order."""
    async with database.reading() as db:
        return list((await db.execute(select(diary.c.what).order_by(diary.c.id))).scalars())


async def wait_for(database: Database, many: int, *, within: float = 60) -> list[str]:
    """What was noted, as soon as it is so much."""

    async def enough() -> list[str]:
        found = await noted(database)
        return found if len(found) >= many else []

    return list(await until(enough, within))


async def remember(fact: RiskCleared, db: AsyncConnection) -> None:
    """A handler that notes what it heard."""
    await note(db, fact.cleared_by)


def hears_and_remembers(mailbox: Mailbox) -> None:
    """A switchboard with one line."""
    mailbox.on(RiskCleared, remember)


def says_only(mailbox: Mailbox) -> None:
    """A switchboard with no line."""


def cleared(person: UUID, by: str = "Kim") -> RiskCleared:
    """A fact about a person; `by` tells it from others."""
    return RiskCleared(referral_id=uuid4(), person_id=person, cleared_by=by, cleared_at=now())


def freed(supporter: UUID) -> RoomFreed:
    """A fact that matching says."""
    return RoomFreed(supporter_id=supporter, site_id="north")


def a_letter(
    person: UUID, version: int = 1, *, by: str = "", opens: int = 1, preceded_days_ago: float | None = None
) -> Letter:
    """A letter about a person, as if it had come from referrals."""
    fact, key = cleared(person, by or f"number {version}"), str(person)
    before = None if preceded_days_ago is None else real() - timedelta(days=preceded_days_ago)
    return Letter(uuid4(), "referrals", key, version, opens, fact.type_name(), fact.wire(), preceded_at=before)


async def say_all(said: Sequence[Any], db: AsyncConnection) -> Reply:
    """An edge's handler that says what it is given."""
    return Reply("done", said)


def silent(speaker: str, database: Database, share: str = "0/1") -> Mailbox:
    """A mailbox that is connected to nothing and does nothing by itself."""
    return Mailbox(speaker, database, Meters(CollectorRegistry()), share=share)


async def count(database: Database, table: Table, *where: Any) -> int:
    """How many rows there are."""
    async with database.reading() as db:
        return int(await db.scalar(select(func.count()).select_from(table).where(*where)) or 0)


async def rows(database: Database, wanted: Any) -> list[Any]:
    """What a query finds."""
    async with database.reading() as db:
        return list((await db.execute(wanted)).mappings())


async def only(database: Database, wanted: Any) -> Any:
    """The one row that a query finds."""
    (found,) = await rows(database, wanted)
    return found


async def change(database: Database, statement: Any) -> None:
    """Change a store behind its mailbox's back."""
    async with database.transaction() as db:
        await db.execute(statement)


async def all_sent(database: Database) -> bool:
    """Whether something was said, and JetStream has all of it."""
    said = await count(database, outbox)
    return bool(said) and await count(database, outbox, outbox.c.sent_at.is_(None)) == 0


async def forget_consumer(bus: Bus, stream: str, consumer: str) -> None:
    """Let a listener hear a whole stream again from its beginning."""
    await bus.ask(f"CONSUMER.DELETE.{stream}.{consumer}")
    await bus.declare()


def letters_by(mailbox: Mailbox, outcome: str, consumer: str = HEARS_REFERRALS) -> int:
    """How many letters a mailbox counts with an outcome."""
    return int(mailbox.meters.letters.labels(consumer, outcome)._value.get())
