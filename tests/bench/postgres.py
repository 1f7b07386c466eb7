"""One PostgreSQL for all who need one: a local process with the settings it comes with, fsync among them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from shared import names
from tests.servers import _as_process as local_postgres


@dataclass(frozen=True)
class Server:
    """A running server: its URL without a database, and its process."""

    base: str
    pid: int
    settings: dict[str, str]

    async def home(self, kind: str, whose: str) -> dict[str, Any]:
        """Where somebody's stores are, and who works for them beside their own processes."""
        if kind == "sqlite":
            return {"database": None, "others": {}}
        return {"database": await self.databases(whose), "others": {"postgresql": self.pid}}

    async def databases(self, whose: str) -> str:
        """An empty database for each service, as a URL with `{service}` in it."""
        for service in names.SERVICES:
            await self.database(f"{whose}_{service}")
        return f"{self.base}/{whose}_{{service}}"

    async def database(self, name: str) -> str:
        """An empty database."""
        admin = await asyncpg.connect(f"{self.base}/postgres")
        await admin.execute(f'create database "{name}"')
        await admin.close()
        return f"{self.base}/{name}"


SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "shared_buffers")


@asynccontextmanager
async def postgres() -> AsyncIterator[Server]:
    """A server of this measurement's own."""
    with local_postgres() as url:
        admin = await asyncpg.connect(url)
        folder = Path(await admin.fetchval("show data_directory"))
        settings = {each: await admin.fetchval(f"show {each}") for each in SETTINGS}
        await admin.close()
        pid = int((folder / "postmaster.pid").read_text().split()[0])
        yield Server(url.rsplit("/", 1)[0], pid, settings)
