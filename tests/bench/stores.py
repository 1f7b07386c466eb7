"""The services' stores from outside, through the bare drivers: rows as the driver itself gives and takes them."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import asyncpg
from sqlalchemy.engine import make_url


class Store(Protocol):
    """One service's database."""

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query finds; parameters are written `$1`."""
        ...

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write many rows in one transaction."""
        ...

    async def run(self, statement: str) -> None:
        """Run one statement on its own."""
        ...


class Sqlite:
    """A file, read beside the service that owns it, and written while that one has nothing to do."""

    dialect = "sqlite"

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, timeout=30, isolation_level=None)

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self.db.execute(statement.replace("$", "?"), values).fetchall()

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write many rows in one transaction."""
        self.db.execute("begin immediate")
        self.db.executemany(insertion(table, columns, "?"), rows)
        self.db.execute("commit")

    async def run(self, statement: str) -> None:
        """Run one statement on its own."""
        self.db.execute(statement)

    async def close(self) -> None:
        """Let go of the file."""
        self.db.close()


class Postgres:
    """A database of a server, over a connection of its own."""

    dialect = "postgresql"

    def __init__(self, db: Any) -> None:
        self.db = db

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return [tuple(each) for each in await self.db.fetch(statement, *values)]

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write many rows in one transaction."""
        await self.db.copy_records_to_table(table, records=rows, columns=list(columns))

    async def run(self, statement: str) -> None:
        """Run one statement on its own."""
        await self.db.execute(statement)

    async def close(self) -> None:
        """Leave the server."""
        await self.db.close()


def insertion(table: str, columns: Sequence[str], mark: str) -> str:
    """The statement that writes a row; `mark` is `?` or `$`, which is numbered."""
    marks = [mark if mark == "?" else f"${number}" for number, _ in enumerate(columns, 1)]
    quoted = ", ".join(f'"{each}"' for each in columns)
    return f'insert into "{table}" ({quoted}) values ({", ".join(marks)})'


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Sqlite | Postgres]:
    """A store by the URL its service is given."""
    parts = make_url(url)
    store: Sqlite | Postgres
    if parts.get_backend_name() == "sqlite":
        store = Sqlite(parts.database or "")
    else:
        store = Postgres(await asyncpg.connect(url))
    try:
        yield store
    finally:
        await store.close()
