"""Real stores and a real NATS for every test that wants one; nothing here is a mock."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from shared import clock, sealed
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


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of each kind; `await migrations.upgrade(database, "matching")` fills it with tables."""
    if request.param == "sqlite":
        opened = Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}")
        yield opened
        await opened.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = await new_database(server.url)
    opened = Database.open(url)
    yield opened
    await opened.close()
    await _drop(server.url, url)


async def new_database(server_url: str) -> str:
    """This will create an empty PostgreSQL database and give its URL."""
    name = f"test_{uuid4().hex[:12]}"
    await _admin(server_url, f'create database "{name}"')
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
