"""Real stores and a real NATS for every test that wants one; nothing here is a mock."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from shared import clock, migrations, names, sealed
from shared.database import Database
from tests.servers import PostgresServer, postgres_server


@pytest.fixture(autouse=True)
def _keys_and_clock() -> Iterator[None]:
    """Every test seals with the same key and begins in real time."""
    sealed.use({"k1": bytes(range(32))}, "k1")
    clock.run_freely()
    yield
    clock.run_freely()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server: in a container when an engine answers, a local process otherwise."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> "Migrated":
    """Databases with the tables of a service."""
    return Migrated(tmp_path_factory.mktemp("migrated"))


class Migrated:
    """Databases with the tables of a service, each migrated once and copied for every test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[tuple[str, str], str] = {}

    async def sqlite(self, service: str, path: Path) -> None:
        """This will copy a service's file."""
        kept = self.folder / f"{service}.sqlite"
        if not kept.exists():
            await _migrate(f"sqlite:///{kept}", service)
        shutil.copyfile(kept, path)

    async def postgresql(self, service: str, server_url: str) -> str:
        """This will give the name of a service's database, to be copied by the server."""
        if (service, server_url) not in self._made:
            url = await new_database(server_url)
            await _migrate(url, service)
            self._made[service, server_url] = str(make_url(url).database)
        return self._made[service, server_url]


async def _migrate(url: str, service: str) -> None:
    fresh = Database.open(url)
    await migrations.upgrade(fresh, service)
    await fresh.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path, migrated: Migrated) -> AsyncIterator[Database]:
    """A database of each kind: in the tests of a service with its tables, elsewhere empty."""
    service = request.path.parent.name if request.path.parent.name in names.SERVICES else None
    if request.param == "sqlite":
        path = tmp_path / "store.sqlite"
        if service:
            await migrated.sqlite(service, path)
        opened = Database.open(f"sqlite:///{path}")
        yield opened
        await opened.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = await new_database(server.url, await migrated.postgresql(service, server.url) if service else "template1")
    opened = Database.open(url)
    yield opened
    await opened.close()
    await _drop(server.url, url)


async def new_database(server_url: str, template: str = "template1") -> str:
    """This will create a PostgreSQL database as a copy of another one, an empty one usually, and give its URL."""
    name = f"test_{uuid4().hex[:12]}"
    await _admin(server_url, f'create database "{name}" template "{template}"')
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


async def _drop(server_url: str, url: str) -> None:
    await _admin(server_url, f'drop database "{make_url(url).database}" with (force)')


async def _admin(server_url: str, statement: str) -> None:
    engine = create_async_engine(
        make_url(server_url).set(drivername="postgresql+asyncpg"), isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as db:
        await db.execute(text(statement))
    await engine.dispose()
