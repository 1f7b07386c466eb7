"""Two transactions that wait for each other: PostgreSQL ends one of them, and it is done again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database, lock
from shared.mailbox import Reply
from tests.conftest import new_database
from tests.servers import PostgresServer
from tests.shared.parties import note, noted, silent, with_a_diary


@pytest.fixture
async def store(postgres: PostgresServer) -> AsyncIterator[Database]:
    """A database with transactions side by side."""
    database = Database.open(await new_database(postgres.url))
    yield await with_a_diary(database)
    await database.close()


class Crossing:
    """Takes the first lock and then the second, while somebody else takes them the other way round."""

    def __init__(self, store: Database, times: int = 1) -> None:
        self.store, self.times = store, times
        self.tries = 0

    async def one(self, word: str, db: AsyncConnection) -> Reply:
        """Note a word between two locks."""
        self.tries += 1
        await db.execute(text("set local deadlock_timeout = '50ms'"))
        await lock(db, "first")
        await note(db, word)
        if self.tries <= self.times:
            await self._let_another_in()
        await lock(db, "second")
        return Reply(word.upper())

    async def many(self, words: list[str], db: AsyncConnection) -> list[Reply]:
        """Note what gathered."""
        return [await self.one(each, db) for each in words]

    async def _let_another_in(self) -> None:
        holds = asyncio.Event()
        self.other = asyncio.create_task(self._the_other_way(holds))
        await holds.wait()

    async def _the_other_way(self, holds: asyncio.Event) -> None:
        async with self.store.transaction() as db:
            await db.execute(text("set local deadlock_timeout = '1min'"))
            await lock(db, "second")
            holds.set()
            await lock(db, "first")


def alone(store: Database, crossing: Crossing) -> Callable[[str], Awaitable[object]]:
    return partial(silent("referrals", store).run, crossing.one)


def gathered(store: Database, crossing: Crossing) -> Callable[[str], Awaitable[object]]:
    return silent("referrals", store).together(crossing.many)


@pytest.mark.parametrize("asking", [alone, gathered])
async def test_a_request_that_another_transaction_got_in_the_way_of_is_done_again(
    store: Database, asking: Callable[[Database, Crossing], Callable[[str], Awaitable[object]]]
) -> None:
    crossing = Crossing(store)

    answer = await asking(store, crossing)("a")

    assert (answer, crossing.tries) == ("A", 2)
    assert await noted(store) == ["a"]


async def test_a_request_that_always_meets_another_is_refused_in_the_end(store: Database) -> None:
    crossing = Crossing(store, times=10)

    with pytest.raises(DBAPIError, match="deadlock"):
        await alone(store, crossing)("a")

    assert crossing.tries == 3
    assert await noted(store) == []
