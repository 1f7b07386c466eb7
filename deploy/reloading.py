"""Has the broker that `up` runs read its configuration again when that changes, which cuts nobody off who may stay."""

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from http.client import HTTPException
from pathlib import Path

from deploy.claim import FolderInUse, changing
from deploy.nats import configuration
from deploy.nats.server import loaded_at
from deploy.ports import LOOPBACK
from deploy.premises import known
from deploy.supervisor import Supervisor
from shared.clock import real

log = logging.getLogger(__name__)
BROKER = "nats-server"
"""The name of the child."""

EVERY, WITHIN = 0.5, 10.0
"""Seconds between two looks, and those in which a broker reads its configuration."""

Look = tuple[int, int] | None


def look(path: Path) -> Look:
    """This will give what tells one writing of a file from the next."""
    with suppress(OSError):
        told = path.stat()
        return told.st_mtime_ns, told.st_ino
    return None


async def keep_reloaded(supervisor: Supervisor, data: Path, read: Look, monitor_port: int) -> None:
    """This will watch the configuration, which was `read` when the broker started, and the keys that end."""
    path, ending = data / "nats" / "nats-server.conf", Ending(data)
    while True:
        await asyncio.sleep(EVERY)
        with suppress(FolderInUse, ValueError, OSError):
            await asyncio.to_thread(ending.take_out)
        if (found := look(path)) and found != read:
            read = found
            tell = partial(supervisor.signal, BROKER, signal.SIGHUP)
            await _reload(tell, f"http://{LOOPBACK}:{monitor_port}", path)


class Ending:
    """The NATS keys of a programme that others have replaced, and which of them the broker was told to forget."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._read: Look = None
        self._ends: dict[str, datetime] = {}
        self._over: set[str] = set()

    def take_out(self) -> None:
        """This will take the keys whose time is over out of the broker's configuration."""
        if (found := look(self._data / "programme.json")) != self._read:
            organisations = known(self._data).organisations
            self._ends = {key: until for each in organisations for key, until in each.nkey_ends.items()}
            self._read = found
        if fresh := {key for key, until in self._ends.items() if until <= real()} - self._over:
            with changing(self._data):
                # Read again: who changed it meanwhile had it for itself alone.
                newest = known(self._data)
                configuration.rewrite(self._data / "nats", newest.organisations, shares=newest.shares)
            self._over |= fresh


async def _reload(tell: Callable[[], None], monitor_url: str, path: Path) -> None:
    """This will have a server read its configuration twice: accounts are made first, and then tied to the others."""
    for _ in range(2):
        before = await _loaded(monitor_url)
        tell()
        if not await _loaded_anew(monitor_url, before):
            log.warning("nats-server does not take %s as it is now: its log says why", path)


async def _loaded_anew(monitor_url: str, before: str | None) -> bool:
    for _ in range(int(WITHIN / EVERY * 5)):
        await asyncio.sleep(EVERY / 5)
        if (found := await _loaded(monitor_url)) and found != before:
            return True
    return False


async def _loaded(monitor_url: str) -> str | None:
    with suppress(OSError, HTTPException, ValueError, KeyError):
        return await asyncio.to_thread(loaded_at, monitor_url)
    return None
