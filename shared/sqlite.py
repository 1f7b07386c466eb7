"""SQLite's driver: SQLAlchemy's own, with one trip to the connection's thread for a statement instead of four."""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.util.concurrency import await_


class Cursor:
    """A statement's answer, read whole."""

    server_side = False
    arraysize = 1

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._rows: deque[Any] = deque()

    def execute(self, operation: str, parameters: Sequence[Any] | None = None) -> None:
        """This will run a statement."""
        self._keep(self.connection.trip(partial(_run, operation, parameters)))

    def executemany(self, operation: str, parameters: Sequence[Any]) -> None:
        """This will run a statement for each row."""
        self._keep(self.connection.trip(partial(_run_many, operation, parameters)))

    def _keep(self, found: tuple[Any, int, int | None, list[Any]]) -> None:
        self.description, self.rowcount, self.lastrowid, rows = found
        self._rows = deque(rows)

    def __iter__(self) -> Iterator[Any]:
        while self._rows:
            yield self._rows.popleft()

    def fetchone(self) -> Any:
        """This will give the next row."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """This will give the next rows."""
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """This will give all rows that are left."""
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def setinputsizes(self, *_: Any) -> None:
        """This will do nothing: SQLite has no sizes."""

    def close(self) -> None:
        """This will let go of the rows."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """This will do nothing: SQLite's own cursor is closed already."""


def _run(operation: str, parameters: Sequence[Any] | None, connection: sqlite3.Connection) -> Any:
    return _answer(connection.execute(operation, parameters or ()))


def _run_many(operation: str, parameters: Sequence[Any], connection: sqlite3.Connection) -> Any:
    return _answer(connection.executemany(operation, parameters))


def _answer(cursor: sqlite3.Cursor) -> Any:
    rows = cursor.fetchall() if cursor.description else []
    found = cursor.description, cursor.rowcount, cursor.lastrowid, rows
    cursor.close()
    return found


class Connection(AsyncAdapt_aiosqlite_connection):
    """A connection whose transaction begins with its first statement, in the same trip."""

    __slots__ = ("_first",)
    _cursor_cls = Cursor  # type: ignore[assignment]

    def __init__(self, dbapi: Any, connection: aiosqlite.Connection) -> None:
        super().__init__(dbapi, connection)  # type: ignore[arg-type]
        self._first = ""

    def begin(self, how: str) -> None:
        """This will begin a transaction by the statement `how`, ahead of the first statement."""
        self._first = how

    def trip(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """This will do some work on the connection's thread."""
        first, self._first = self._first, ""
        try:
            inner: Any = self._connection
            return await_(inner._execute(_work, first, work, inner._conn))
        except Exception as error:
            self._handle_exception(error)

    def commit(self) -> None:
        """This will commit, when anything was begun."""
        self._first = ""
        if self._under_way():
            super().commit()

    def rollback(self) -> None:
        """This will undo, when anything was begun."""
        self._first = ""
        if self._under_way():
            super().rollback()

    def _under_way(self) -> bool:
        inner: Any = self._connection
        return inner._connection is not None and bool(inner._connection.in_transaction)


def _work(first: str, work: Callable[[sqlite3.Connection], Any], connection: sqlite3.Connection) -> Any:
    if first:
        connection.execute(first)
    return work(connection)


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """What SQLAlchemy connects with: `create_async_engine(..., module=Driver())`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arguments: Any, **named: Any) -> Connection:
        """This will open a connection and its thread."""
        opened: Any = super().connect(*arguments, **named)
        return Connection(self, opened._connection)
