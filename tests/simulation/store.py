"""SQLite in memory without thread or greenlet: statements run where they are asked for, the same at every play."""

import asyncio
import sqlite3
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from shared import migrations
from shared.database import Database
from tests.simulation.slips import noted

Watch = Callable[[str], Awaitable[None]]
"""Is told of `begin`, `statement` and `commit` before they happen and of `committed` after; it may take its time, or
raise."""


async def _nothing(_: str) -> None:
    """Nobody watches."""


class Store:
    """One service's database; transactions take turns on its one connection, as if each saw its own snapshot."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.raw = sqlite3.connect(":memory:", isolation_level=None)
        self.raw.execute("pragma foreign_keys = on")
        self.sync = create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool).connect()
        self.watch: Watch = _nothing
        self.heard: Counter[UUID] = Counter()
        self._owner: Talk | None = None
        self._turns: deque[tuple[Talk, asyncio.Future[None]]] = deque()

    def open(self) -> Database:
        """The service's database, as a process that has just started has it."""
        return Database(Engine(self), None)  # type: ignore[arg-type]

    async def migrate(self) -> None:
        """Bring it to the newest schema, and remember which tables there are to be emptied."""
        await migrations.upgrade(self.open(), self.service)
        wanted = "select name from sqlite_master where type = 'table' and name not in ('alembic_version')"
        self.tables = sorted(row[0] for row in self.raw.execute(wanted))

    def empty(self) -> None:
        """Be as new: statements that were prepared for one seed serve the next."""
        self.watch = _nothing
        self.heard.clear()
        if self._owner:
            self.leave(self._owner)
        self._turns.clear()
        # Without the rule that hangs rows on each other, tables may be emptied in any order.
        self.raw.execute("pragma foreign_keys = off")
        for each in self.tables:
            self.raw.execute(f'delete from "{each}"')
        self.raw.execute("pragma foreign_keys = on")

    def look(self, wanted: str, *given: Any) -> list[tuple[Any, ...]]:
        """What is there, read past the service."""
        return self.raw.execute(wanted, given).fetchall()

    @property
    def in_use(self) -> bool:
        """Whether a transaction is under way."""
        return self._owner is not None

    async def take_turn(self, one: "Talk") -> None:
        """Wait until the transactions before are over."""
        if self._owner is None and not self._turns:
            self._owner = one
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append((one, turn))
        try:
            await turn
        except asyncio.CancelledError:
            self.leave(one)
            raise

    def leave(self, one: "Talk") -> None:
        """Let the next transaction begin; what this one did not commit is undone."""
        if self._owner is not one:
            return
        self.sync.rollback()
        if self.raw.in_transaction:
            self.raw.execute("rollback")
        self._owner = None
        while self._turns and self._owner is None:
            following, turn = self._turns.popleft()
            if not turn.done():
                self._owner = following
                turn.set_result(None)


class Talk:
    """Stands where SQLAlchemy's asynchronous connection stands: one transaction, begun by its first statement."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.dialect = store.sync.dialect
        self.heard: list[UUID] = []
        self._begun, self._reads = False, False

    async def execution_options(self, *, read_only: bool = False) -> None:
        """Say that nothing will be written."""
        self._reads = read_only

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Run a statement; its answer is there at once."""
        await self._ready()
        return self.store.sync.execute(statement, parameters)

    async def scalar(self, statement: Any, parameters: Any = None) -> Any:
        """The first value of the first row."""
        return (await self.execute(statement, parameters)).scalar()

    async def scalars(self, statement: Any, parameters: Any = None) -> Any:
        """The first value of each row."""
        return (await self.execute(statement, parameters)).scalars()

    async def run_sync(self, work: Callable[..., Any], *given: Any) -> Any:
        """Do some work that knows nothing of asyncio."""
        await self._ready()
        return work(self.store.sync, *given)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        """A part of the transaction that can be undone by itself."""
        await self._ready()
        with self.store.sync.begin_nested():
            yield

    async def _ready(self) -> None:
        await self._watched("statement" if self._begun else "begin")
        if not self._begun:
            await self.store.take_turn(self)
            self._begun = True
            self.store.raw.execute("begin" if self._reads else "begin immediate")

    async def _watched(self, what: str) -> None:
        try:
            await self.store.watch(what)
        except sqlite3.Error as wrong:
            raise OperationalError(what, None, wrong) from wrong

    async def commit(self) -> None:
        """Make it last."""
        if self._begun:
            await self._watched("commit")
            self.store.sync.commit()
            self.store.heard.update(self.heard)
            await self._watched("committed")


class Engine:
    """Stands where SQLAlchemy's asynchronous engine stands."""

    def __init__(self, store: Store) -> None:
        self.store, self.dialect = store, store.sync.dialect

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Talk]:
        """A transaction that ends as if it had never been."""
        talk = Talk(self.store)
        try:
            with noted():
                yield talk
        finally:
            self.store.leave(talk)
        await asyncio.sleep(0)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Talk]:
        """A transaction that is committed, unless something goes wrong."""
        async with self.connect() as talk:
            yield talk
            await talk.commit()
