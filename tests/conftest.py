"""Real stores and a real NATS for every test that wants one; nothing here is a mock."""

import gc
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from fastapi.dependencies import models
from sqlalchemy.engine import make_url
from xdist.scheduler import LoadScopeScheduling

from shared import clock, migrations, names, sealed
from shared.database import Database
from tests.servers import PostgresServer, postgres_server

# What is printed is as wide as a test says, not as the terminal of whoever runs them.
os.environ.pop("COLUMNS", None)

TOGETHER = {"simulation": "simulation", "storms": "demo", "journeys": "demo", "test_compose.py": "compose"}
"""Whose tests one process runs, one after another: they share a demo or a campaign, and each takes minutes."""


EMPTY = """
do $$
declare one text;
begin
    perform pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid();
    perform set_config('session_replication_role', 'replica', true);
    for one in select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
    loop
        if one <> 'alembic_version' then execute format('delete from %I', one); end if;
    end loop;
    for one in select relname from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace
    loop
        perform setval(format('%I', one), 1, false);
    end loop;
end $$
"""
"""Takes every row out of a database and begins its numbers anew: far sooner done than a copy of another is made."""


class Sharing(LoadScopeScheduling):
    """Shares out the tests file by file, and lets one process have what belongs together."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


def together(nodeid: str) -> str:
    """Name what a test is run with: `tests/storms/test_x.py::test_y[z]` with every storm, most with their file."""
    file = Path(nodeid.split("::")[0])
    return TOGETHER.get(file.parent.name) or TOGETHER.get(file.name) or str(file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    """Say how several processes share the tests."""
    return Sharing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    longest = list(dict.fromkeys(TOGETHER.values()))
    rank = {name: place - len(longest) for place, name in enumerate(longest)}
    items.sort(key=lambda each: rank.get(together(each.nodeid), 0))


def pytest_collection_finish() -> None:
    """Leave alone what was imported and collected when garbage is: a collection would walk through all of it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Let FastAPI forget a test's application: it keeps the last 4,096 functions it saw, and with them their services.

    Sixty of them at a time filled 700 MB, through which every full collection walked for seconds.
    """
    yield
    for each in vars(models).values():
        if forget := getattr(each, "cache_clear", None):
            forget()


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
        self._free: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

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

    async def take(self, service: str, server_url: str) -> str:
        """This will give the URL of a service's database without any row: one that a test before had, or a new one."""
        free = self._free[service, server_url]
        if not free:
            return await new_database(server_url, await self.postgresql(service, server_url))
        url = free.pop()
        await _run(url, EMPTY)
        return url

    def give_back(self, service: str, server_url: str, url: str) -> None:
        """This will keep a database that a test used, for another."""
        self._free[service, server_url].append(url)


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
    url = await (migrated.take(service, server.url) if service else new_database(server.url))
    opened = Database.open(url)
    yield opened
    await opened.close()
    if service:
        migrated.give_back(service, server.url, url)
    else:
        await _run(server.url, f'drop database "{make_url(url).database}" with (force)')


async def new_database(server_url: str, template: str = "template1") -> str:
    """This will create a PostgreSQL database as a copy of another one, an empty one usually, and give its URL."""
    name = f"test_{uuid4().hex[:12]}"
    await _run(server_url, f'create database "{name}" template "{template}"')
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


async def _run(url: str, statement: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    await connection.execute(statement)
    await connection.close()
