"""SQLite or PostgreSQL: the only file that knows which."""

import asyncio
import fcntl
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import JSON, ColumnElement, Connection, DateTime, Dialect, String, Table, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator

from shared import away
from shared.names import partitions_of
from shared.sqlite import Driver

Json = JSON().with_variant(postgresql.JSONB(), "postgresql")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite keeps it as sortable text, PostgreSQL as `timestamptz`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """This will choose the column's type."""
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """This will refuse naive times and write UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A naive time reached the store; instants are aware UTC.")
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """This will read UTC."""
        if value is None:
            return None
        return (datetime.fromisoformat(value) if dialect.name == "sqlite" else value).astimezone(UTC)


class DatabaseInUse(RuntimeError):
    """Another process already works on this database with this share."""


class Database:
    """One service's store: one writer at a time on SQLite, a pool on PostgreSQL."""

    def __init__(self, engine: AsyncEngine, path: Path | None) -> None:
        self.engine = engine
        self.path = path
        self.dialect = engine.dialect.name
        self._one_writer: asyncio.Lock | None = asyncio.Lock() if self.dialect == "sqlite" else None
        self._claim: AsyncConnection | IO[str] | None = None
        self._lost = False

    @classmethod
    def open(cls, url: str) -> "Database":
        """This will open `sqlite:///path`, `sqlite://` (in memory) or `postgresql://user@host/name`.

        It connects to nothing yet; ValueError says which URLs are understood.
        """
        wanted = make_url(url)
        name = wanted.get_backend_name()
        if name == "postgresql":
            wanted = wanted.set(drivername="postgresql+asyncpg")
            engine = create_async_engine(wanted, pool_size=8, pool_pre_ping=True, hide_parameters=True)
            return cls(engine, None)
        if name != "sqlite":
            raise ValueError(f"A database URL begins with sqlite:/// or postgresql://, not {name}://.")
        path = Path(wanted.database) if wanted.database and wanted.database != ":memory:" else None
        pool: dict[str, Any] = {"pool_size": 12, "max_overflow": 0} if path else {}
        wanted = wanted.set(drivername="sqlite+aiosqlite")
        engine = create_async_engine(
            wanted, module=Driver(), connect_args={"timeout": 30}, hide_parameters=True, **pool
        )
        event.listen(engine.sync_engine, "connect", _harden)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
        return cls(engine, path)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """This will commit what is done inside, all or nothing."""
        if self._one_writer is None:
            async with self.engine.begin() as db:
                yield db
        else:
            async with self._one_writer, self.engine.begin() as db:
                yield db

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """This will give one consistent view to read from."""
        async with self.engine.connect() as db:
            if self.dialect == "sqlite":
                await db.execution_options(read_only=True)
            else:
                await db.execution_options(isolation_level="REPEATABLE READ")
            yield db

    async def until_it_answers(self, within: float = 60.0) -> None:
        """This will ask PostgreSQL again for `within` seconds while it is away, starts, or has no name yet."""
        deadline = time.monotonic() + within
        if self.dialect == "postgresql":
            await away.until_it_answers(self._ask, ends=lambda: time.monotonic() > deadline)
        await self.engine.dispose()

    async def _ask(self) -> None:
        async with self.reading():
            pass

    async def claim(self, share: str) -> None:
        """This will make this process the only one that works this share; DatabaseInUse says who to stop."""
        if self.path:
            self._claim = _lock_file(self.path)
        elif self.dialect == "postgresql":
            self._claim = await self._claim_partitions(share)
        self._lost = False

    async def still_claimed(self) -> bool:
        """This will say whether the claim stands; PostgreSQL forgets it with the connection it was made on."""
        if not isinstance(self._claim, AsyncConnection):
            return not self._lost
        try:
            return bool(await self._claim.scalar(HOLDS))
        except (SQLAlchemyError, OSError):
            gone, self._claim, self._lost = self._claim, None, True
            await gone.invalidate()
            await gone.close()
            return False

    async def _claim_partitions(self, share: str) -> AsyncConnection:
        db = await self.engine.connect()
        await db.execution_options(isolation_level="AUTOCOMMIT")
        wanted = [f"partition {each}" for each in partitions_of(share)]
        if not all((await db.execute(CLAIM, {"names": wanted})).scalars()):
            await db.execute(text("select pg_advisory_unlock_all()"))
            await db.close()
            raise DatabaseInUse(
                f"Share {share} of this database, or a part of it, is already worked by another process. Stop that "
                "one, or give n processes the shares 0/n to n-1/n."
            )
        return db

    async def close(self) -> None:
        """This will give back the claim and every connection."""
        if isinstance(self._claim, AsyncConnection):
            await self._claim.close()
        elif self._claim:
            self._claim.close()
        await self.engine.dispose()


def _lock_file(path: Path) -> IO[str]:
    handle = path.with_name(path.name + ".lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise DatabaseInUse(
            f"{path} is already used by another process. SQLite serves one process a service: stop that one, "
            "or use PostgreSQL to run several."
        ) from None
    return handle


def _harden(connection: Any, _: Any) -> None:
    """This will make SQLite durable, and refuse to go on where it is not."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode = wal")
    journal = cursor.fetchone()[0]
    # What a statement would undo is remembered in memory: a file of it is as much as half of all that is written.
    for pragma in ("synchronous = full", "busy_timeout = 30000", "foreign_keys = on", "temp_store = memory"):
        cursor.execute(f"pragma {pragma}")
    cursor.execute("pragma synchronous")
    if journal not in ("wal", "memory") or cursor.fetchone()[0] != 2:
        raise RuntimeError("SQLite would not give journal_mode=WAL with synchronous=FULL; use another file system.")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    reading = connection.get_execution_options().get("read_only")
    opened: Any = connection.connection.dbapi_connection
    opened.begin("begin" if reading else "begin immediate")


def insert_or_ignore(table: Table) -> postgresql.Insert:
    """This will insert rows and leave alone those already there; `rowcount` says how many were new.

    The statement is PostgreSQL's; SQLite's compiler renders the same clause (a test holds both to it).
    """
    return postgresql.insert(table).on_conflict_do_nothing()


def upsert(
    table: Table, *, keys: Sequence[str], change: Sequence[str], where: ColumnElement[bool] | None = None
) -> postgresql.Insert:
    """This will insert rows, and where `keys` are known, overwrite the columns named in `change`.

    A row for which `where` does not hold is left alone, and not counted in `rowcount`.
    """
    statement = postgresql.insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(keys), set_={each: statement.excluded[each] for each in change}, where=where
    )


def side_by_side(db: AsyncConnection) -> bool:
    """This will say whether other transactions change things meanwhile; SQLite has one writer."""
    return db.dialect.name == "postgresql"


HOLDS = text("select count(*) from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid()")
CLAIM = text("select pg_try_advisory_lock(hashtext(name)) from unnest(cast(:names as text[])) as name")
LOCK = text("select pg_advisory_xact_lock(hashtext(name)) from unnest(cast(:names as text[])) as name")


async def lock(db: AsyncConnection, *names: str) -> None:
    """This will let one transaction at a time pass for each name, taken in one order; SQLite has one writer anyway."""
    if side_by_side(db):
        await db.execute(LOCK, {"names": sorted(names)})


def no_overlap(op: Any, *, name: str, table: str, key: str, starts: str, ends: str, unless: str = "false") -> None:
    """This will make the database refuse two overlapping [starts, ends) rows with the same key, in a migration.

    `unless` is the SQL condition under which a row takes no time (for example `state = 'cancelled'`).
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute("create extension if not exists btree_gist")
        op.execute(
            f"alter table {table} add constraint {name} exclude using gist "
            f"({key} with =, tstzrange({starts}, {ends}, '[)') with &&) where (not ({unless}))"
        )
        return
    other = re.sub(r"^(\w+)", r"new.\1", unless)
    clash = (
        f"select raise(abort, '{name}') from {table} where {key} = new.{key} and rowid <> new.rowid "
        f"and {starts} < new.{ends} and {ends} > new.{starts} and not ({unless})"
    )
    for moment in ("insert", "update"):
        op.execute(
            f"create trigger {name}_{moment} after {moment} on {table} when not ({other}) begin {clash} limit 1; end"
        )


def broken_rule(error: IntegrityError) -> str:
    """This will name the constraint that refused, the same on both databases."""
    told = str(error.orig)
    found = re.search(r'constraint "(\w+)"', told) or re.search(r"CHECK constraint failed: (\w+)", told)
    if found:
        return found[1]
    columns = re.search(r"UNIQUE constraint failed: (.+)", told)
    return columns[1].strip() if columns else told.split(":")[-1].strip()
