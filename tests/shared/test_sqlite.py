"""The driver: a transaction begins with its first statement, and is all or nothing."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import IntegrityError

from shared.database import Database

metadata = MetaData()
numbers = Table("numbers", metadata, Column("number", Integer, primary_key=True))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    """An SQLite file with one table."""
    opened = Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}")
    async with opened.transaction() as db:
        await db.run_sync(metadata.create_all)
    yield opened
    await opened.close()


async def _all(store: Database) -> list[int]:
    async with store.reading() as db:
        return list((await db.scalars(select(numbers).order_by(numbers.c.number))).all())


async def test_what_is_done_in_a_transaction_is_there_afterwards(store: Database) -> None:
    async with store.transaction() as db:
        changed = await db.execute(insert(numbers), [{"number": each} for each in (1, 2, 3)])

    assert changed.rowcount == 3
    assert await _all(store) == [1, 2, 3]


async def test_nothing_of_a_transaction_that_fails_is_there(store: Database) -> None:
    with pytest.raises(IntegrityError):
        async with store.transaction() as db:
            await db.execute(insert(numbers).values(number=1))
            await db.execute(insert(numbers).values(number=1))

    assert await _all(store) == []


async def test_nothing_of_a_transaction_that_is_cut_off_is_there(store: Database) -> None:
    inserted = asyncio.Event()

    async def slow() -> None:
        async with store.transaction() as db:
            await db.execute(insert(numbers).values(number=1))
            inserted.set()
            await asyncio.sleep(10)

    cut = asyncio.create_task(slow())
    await asyncio.wait_for(inserted.wait(), 10)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)

    assert await _all(store) == []
    async with store.transaction() as db:
        await db.execute(insert(numbers).values(number=1))
    assert await _all(store) == [1]


async def test_a_savepoint_that_comes_first_takes_back_only_its_own(store: Database) -> None:
    async with store.transaction() as db:
        with pytest.raises(IntegrityError):
            async with db.begin_nested():
                await db.execute(insert(numbers), [{"number": 1}, {"number": 1}])
        await db.execute(insert(numbers).values(number=2))

    assert await _all(store) == [2]


async def test_a_reader_keeps_its_view_while_others_write(store: Database) -> None:
    async with store.reading() as reader:
        before = list((await reader.scalars(select(numbers))).all())
        async with store.transaction() as db:
            await db.execute(insert(numbers).values(number=1))
        after = list((await reader.scalars(select(numbers))).all())

    assert before == after == []
    assert await _all(store) == [1]


async def test_a_transaction_holds_the_only_pen_from_its_first_reading_on(store: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "store.sqlite", timeout=0, isolation_level=None)

    async with store.transaction() as db:
        await db.execute(select(numbers))
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("begin immediate")

    other.execute("begin immediate")
    other.close()


async def test_a_transaction_with_nothing_in_it_leaves_the_connection_as_it_was(store: Database) -> None:
    async with store.transaction():
        pass
    async with store.transaction() as db:
        await db.execute(insert(numbers).values(number=1))

    assert await _all(store) == [1]
