"""Runs the small service of `tests.shared.program` as a process, and kills it."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.database import Database
from tests.bus import Bus
from tests.shared import program
from tests.shared.program import Told

# The server has read everything once, so that a process is there in a moment.
START = multiprocessing.get_context("forkserver")
START.set_forkserver_preload([program.__name__])


class Process:
    """One small service; it says where it has got."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.heard, there = START.Pipe(duplex=False)
        self.process = START.Process(target=program.main, args=(told, there), daemon=True)
        self.process.start()
        there.close()

    async def next_word(self) -> str:
        """What it says next."""
        there = await asyncio.to_thread(self.heard.poll, 60)
        assert there, "it said nothing for a minute"
        return str(self.heard.recv())

    async def says(self, point: str, *, times: int = 1) -> None:
        """Wait until it has got to a point, so many times."""
        for _ in range(times):
            assert await self.next_word() == point

    def kill(self) -> None:
        """End it like a power switch."""
        self.process.kill()
        self.process.join()


def told(bus: Bus, database: Database, folder: Path, *, share: str = "0/1", halt: str = "") -> Told:
    """What a small service on this bus and database is started with."""
    url = database.engine.url.render_as_string(hide_password=False)
    plain = url.replace("+asyncpg", "").replace("+aiosqlite", "")
    return Told(plain, bus.url, str(bus.configuration.seeds["matching"]), str(folder), share, halt)


@asynccontextmanager
async def small_service(
    bus: Bus, database: Database, folder: Path, *, share: str = "0/1", halt: str = ""
) -> AsyncIterator[Process]:
    """A running small service, killed at the end."""
    process = Process(told(bus, database, folder, share=share, halt=halt))
    try:
        await process.says("ready")
        yield process
    finally:
        process.kill()
