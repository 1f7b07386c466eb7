"""SQLite in memory without a thread: statements run where they are asked for, so that a seed is the same twice."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from shared import migrations
from shared.database import Database, _begin_immediate
from shared.sqlite import Connection, Driver

Watch = Callable[[str], Awaitable[None]]
"""Is told of `begin`, `statement` and `commit` before they happen and of `committed` after; it may take its time, or
raise."""


async def _nothing(_: str) -> None:
    """Nobody watches."""


class Store:
    """One service's database; transactions take turns on its one connection, as if each saw its own snapshot."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.raw.execute("pragma foreign_keys = on")
        self.watch: Watch = _nothing
        self.engine = self._open()
        self._owner: Inline | None = None
        self._turns: deque[tuple[Inline, asyncio.Future[None]]] = deque()

    def _open(self) -> AsyncEngine:
        engine = create_async_engine(
            "sqlite+aiosqlite://", module=_Driver(self), poolclass=AsyncAdaptedQueuePool, pool_size=64, max_overflow=-1
        )
        event.listen(engine.sync_engine, "begin", _begin_immediate)
        return engine

    async def migrate(self) -> None:
        """Bring it to the newest schema, and remember which tables there are to be emptied."""
        await migrations.upgrade(Database(self.engine, None), self.service)
        wanted = "select name from sqlite_master where type = 'table' and name not in ('alembic_version')"
        self.tables = sorted(row[0] for row in self.raw.execute(wanted))

    def empty(self) -> None:
        """Be as new: statements that were prepared for one seed serve the next."""
        self.watch = _nothing
        self._owner = None
        self._turns.clear()
        if self.raw.in_transaction:
            self.raw.execute("rollback")
        # Without the rule that hangs rows on each other, tables may be emptied in any order.
        self.raw.execute("pragma foreign_keys = off")
        for each in self.tables:
            self.raw.execute(f'delete from "{each}"')
        self.raw.execute("pragma foreign_keys = on")

    def look(self, wanted: str, *given: Any) -> list[tuple[Any, ...]]:
        """What is committed, read past the service; only while no transaction is under way."""
        return self.raw.execute(wanted, given).fetchall()

    @property
    def in_use(self) -> bool:
        """Whether a transaction is under way."""
        return self._owner is not None

    def is_owned_by(self, one: "Inline") -> bool:
        """Whether this connection's transaction is the one under way."""
        return self._owner is one

    async def take_turn(self, one: "Inline") -> None:
        """Wait until the transactions before are over."""
        if self._owner is None and not self._turns:
            self._owner = one
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append((one, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if self._owner is one:
                self.leave(one)
            raise

    def leave(self, one: "Inline") -> None:
        """Let the next transaction begin; what this one did not commit is undone."""
        if self._owner is not one:
            return
        if self.raw.in_transaction:
            self.raw.execute("rollback")
        self._owner = None
        while self._turns and self._owner is None:
            following, turn = self._turns.popleft()
            if not turn.done():
                self._owner = following
                turn.set_result(None)


class Inline:
    """Stands where aiosqlite's connection stands, and does at once what that does on its thread."""

    isolation_level = None

    def __init__(self, store: Store) -> None:
        self.store = store
        self._conn = store.raw
        self._connection = self

    @property
    def in_transaction(self) -> bool:
        """Whether this connection's own transaction is under way."""
        return self.store.is_owned_by(self)

    async def _execute(self, work: Callable[..., Any], first: str, *rest: Any) -> Any:
        if first:
            await self.store.watch("begin")
            await self.store.take_turn(self)
        else:
            await self.store.watch("statement")
        return work(first, *rest)

    async def create_function(self, name: str, arguments: int, function: Any, **named: Any) -> None:
        """Let SQL call a function."""
        self._conn.create_function(name, arguments, function, **named)

    async def commit(self) -> None:
        """Make it last."""
        try:
            await self.store.watch("commit")
            if self.in_transaction:
                self._conn.execute("commit")
                await self.store.watch("committed")
        finally:
            self.store.leave(self)

    async def rollback(self) -> None:
        """Undo it."""
        self.store.leave(self)

    async def close(self) -> None:
        """Let go."""
        self.store.leave(self)

    def stop(self) -> None:
        """Let go, at once."""
        self.store.leave(self)


class _Driver(Driver):
    """Connects to a store."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    def connect(self, *_: Any, **__: Any) -> Connection:
        return Connection(self, Inline(self.store))  # type: ignore[arg-type]
