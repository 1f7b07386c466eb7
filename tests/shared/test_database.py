"""What the stores promise on both databases."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, Uuid, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolIsFull
from sqlalchemy.ext.asyncio import create_async_engine

from shared.away import is_away
from shared.database import (
    Database,
    DatabaseInUse,
    UtcTime,
    broken_rule,
    insert_or_ignore,
    no_overlap,
    upsert,
)
from tests.conftest import new_database
from tests.servers import PostgresServer

metadata = MetaData()
words = Table("words", metadata, Column("word", Text, primary_key=True), Column("times", Integer, nullable=False))
visits = Table(
    "visits",
    metadata,
    Column("visit_id", Uuid, primary_key=True),
    Column("who", Text, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
)
NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)


@pytest.fixture
async def store(database: Database) -> Database:
    def create(connection: Connection) -> None:
        metadata.create_all(connection)
        op = SimpleNamespace(get_bind=lambda: connection, execute=lambda said: connection.execute(text(said)))
        no_overlap(
            op,
            name="one_visit_at_a_time",
            table="visits",
            key="who",
            starts="starts_at",
            ends="ends_at",
            unless="state = 'cancelled'",
        )

    async with database.transaction() as db:
        await db.run_sync(create)
    return database


def visit(start: datetime, *, minutes: int = 60, who: str = "Ana", state: str = "booked") -> dict[str, object]:
    ends = start + timedelta(minutes=minutes)
    return {"visit_id": uuid4(), "who": who, "starts_at": start, "ends_at": ends, "state": state}


async def test_inserts_what_is_new_and_leaves_alone_what_is_known(store: Database) -> None:
    async with store.transaction() as db:
        first = await db.execute(insert_or_ignore(words).values([{"word": "a", "times": 1}, {"word": "b", "times": 1}]))
        again = await db.execute(insert_or_ignore(words).values([{"word": "b", "times": 9}, {"word": "c", "times": 1}]))

    assert (first.rowcount, again.rowcount) == (2, 1)
    async with store.reading() as db:
        assert await db.scalar(select(words.c.times).where(words.c.word == "b")) == 1


async def test_overwrites_only_the_named_columns_of_what_it_finds(store: Database) -> None:
    async with store.transaction() as db:
        statement = upsert(words, keys=["word"], change=["times"])
        await db.execute(statement, [{"word": "a", "times": 1}, {"word": "b", "times": 1}])
        await db.execute(statement, [{"word": "b", "times": 5}])

    async with store.reading() as db:
        assert await db.scalar(select(func.sum(words.c.times))) == 6


async def test_leaves_alone_what_it_finds_where_the_condition_does_not_hold(store: Database) -> None:
    async with store.transaction() as db:
        once = upsert(words, keys=["word"], change=["times"], where=words.c.times == 1)
        await db.execute(insert(words), [{"word": "a", "times": 1}, {"word": "b", "times": 2}])
        changed = [(await db.execute(once, {"word": word, "times": 5})).rowcount for word in ("a", "b", "c")]

    assert changed == [1, 0, 1]
    async with store.reading() as db:
        assert await db.scalar(select(func.sum(words.c.times))) == 12


@pytest.mark.parametrize("shift", [0, 30, -30, 59, -59])
async def test_refuses_visits_that_overlap_even_in_part(store: Database, shift: int) -> None:
    async with store.transaction() as db:
        await db.execute(insert(visits), [visit(NOON)])

    with pytest.raises(IntegrityError) as refused:
        async with store.transaction() as db:
            await db.execute(insert(visits), [visit(NOON + timedelta(minutes=shift))])

    assert broken_rule(refused.value) == "one_visit_at_a_time"


async def test_lets_visits_follow_each_other_and_a_cancelled_one_takes_no_time(store: Database) -> None:
    hour = timedelta(hours=1)

    async with store.transaction() as db:
        await db.execute(insert(visits), [visit(NOON), visit(NOON + hour), visit(NOON, who="Ben")])
        await db.execute(insert(visits), [visit(NOON, state="cancelled")])

    async with store.reading() as db:
        assert await db.scalar(select(func.count()).select_from(visits)) == 4


async def test_refuses_to_bring_back_a_cancelled_visit_into_a_taken_hour(store: Database) -> None:
    cancelled = visit(NOON, state="cancelled")
    async with store.transaction() as db:
        await db.execute(insert(visits), [cancelled, visit(NOON)])

    with pytest.raises(IntegrityError):
        async with store.transaction() as db:
            back = update(visits).where(visits.c.visit_id == cancelled["visit_id"])
            await db.execute(back.values(state="booked"))


async def test_keeps_instants_aware_and_in_utc(store: Database) -> None:
    async with store.transaction() as db:
        await db.execute(insert(visits), [visit(NOON)])

    async with store.reading() as db:
        assert (await db.execute(select(visits.c.starts_at))).scalar_one() == NOON


async def test_refuses_a_second_process_on_one_sqlite_file(tmp_path: Path) -> None:
    first, second = (Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}") for _ in range(2))
    await first.claim("0/1")

    with pytest.raises(DatabaseInUse, match="already used by another process"):
        await second.claim("0/1")

    await first.close()
    await second.claim("0/1")
    await second.close()


async def test_refuses_a_share_that_another_process_works_on_postgresql(postgres: PostgresServer) -> None:
    url = await new_database(postgres.url)
    first, second, other = (Database.open(url) for _ in range(3))
    await first.claim("0/2")

    for overlapping in ("0/2", "0/1", "2/4"):
        with pytest.raises(DatabaseInUse):
            await second.claim(overlapping)

    await other.claim("1/2")
    await asyncio.gather(first.close(), second.close(), other.close())


async def test_tells_a_database_that_is_away_from_a_mistake_of_ours(store: Database) -> None:
    with pytest.raises(DBAPIError) as ours:
        async with store.transaction() as db:
            await db.execute(text("select nothing from nowhere"))
    malformed = "json_each('{')" if store.dialect == "sqlite" else "jsonb_array_elements(cast('{' as jsonb))"
    with pytest.raises(DBAPIError) as also_ours:
        async with store.reading() as db:
            await db.execute(text(f"select * from {malformed}"))
    with pytest.raises((DBAPIError, OSError)) as away:
        async with Database.open("postgresql://nobody@127.0.0.1:1/none").transaction():
            pass

    assert not is_away(ours.value)
    assert not is_away(also_ours.value)
    assert is_away(away.value)


async def test_a_database_with_no_connection_left_to_give_is_away(database: Database) -> None:
    engine = create_async_engine(database.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    full = Database(engine, database.path)

    async with full.reading() as db:
        await db.execute(text("select 1"))
        with pytest.raises(PoolIsFull) as wrong:
            async with full.reading() as another:
                await another.execute(text("select 1"))

    assert is_away(wrong.value)
    await full.close()


async def test_a_store_whose_file_is_spoilt_is_away_for_no_letter_is_to_blame(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as plain:
        plain.execute("create table words (word text)")
        plain.executemany("insert into words values (?)", [("w" * 200,)] * 500)
    plain.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    spoilt = Database.open(f"sqlite:///{path}")

    with pytest.raises(DBAPIError) as wrong:
        async with spoilt.reading() as db:
            await db.execute(text("select count(*), max(word) from words"))

    assert is_away(wrong.value)
    await spoilt.close()


async def test_is_durable_before_anything_is_written(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}")

    async with database.reading() as db:
        journal, synchronous = await db.scalar(text("pragma journal_mode")), await db.scalar(text("pragma synchronous"))

    assert (journal, synchronous) == ("wal", 2)
    await database.close()


async def test_an_error_of_the_database_does_not_tell_what_was_to_be_written(store: Database) -> None:
    with pytest.raises(DBAPIError) as refused:
        async with store.transaction() as db:
            await db.execute(text("insert into nowhere values (:what)"), {"what": "Canary"})

    assert "nowhere" in str(refused.value) and "Canary" not in str(refused.value)
