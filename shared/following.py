"""Follows the programme file while a service runs: whoever is let in, changes a key or is suspended is so at once."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from shared.programme import Programme

logger = logging.getLogger(__name__)
EVERY = 1.0
"""Seconds between two looks at the file."""

Look = tuple[int, int, int]


class Following:
    """A programme, and the file that it is read from again when that changes.

    `digest` is the SHA-256 of the file as it was last taken over; `refused` says why the newest one was not; `waits`
    names what of it counts only when the service starts again, such as sites.
    """

    def __init__(self, path: Path, programme: Programme, registry: CollectorRegistry) -> None:
        self._path, self._programme = path, programme
        self._seen: Look | None = None
        self.digest = ""
        self.refused = ""
        self.waits: list[str] = []
        self._refusing = Gauge(
            "programme_refused",
            "1 while programme.json is not taken over as it is now",
            registry=registry,
        )

    async def for_ever(self, changed: Callable[[], Awaitable[None]]) -> None:
        """This will look every second, and call `changed` when the programme holds something new."""
        while True:
            try:
                if self.look():
                    await changed()
            except Exception as wrong:
                # It is taken over again, and told of until it works: whoever was suspended must be so.
                self.digest = ""
                self._refuse(f"a fault of ours: {type(wrong).__name__}")
            await asyncio.sleep(EVERY)

    def look(self) -> bool:
        """This will take over a changed file, and say whether it did; one that is wrong is told of and left."""
        try:
            seen = _look(self._path)
            if seen == self._seen:
                return False
            raw = self._path.read_bytes()
            newer = Programme.parse(raw, self._path)
            self._programme.adopt(newer)
        except (OSError, ValueError) as wrong:
            self._refuse(str(wrong))
            return False
        # A file that was exchanged between the look and the reading is read again at the next look.
        self._seen, self.digest, before = seen, hashlib.sha256(raw).hexdigest(), self.digest
        if self.refused or (before and before != self.digest):
            logger.info("the organisations of the changed programme count from now on")
        self._tell_what_waits(newer)
        self.refused = ""
        self._refusing.set(0)
        return before != self.digest

    def _tell_what_waits(self, newer: Programme) -> None:
        rest = {name for name in type(newer).model_fields if name != "organisations"}
        waits = sorted(each for each in rest if getattr(newer, each) != getattr(self._programme, each))
        if waits != self.waits and waits:
            logger.warning("%s of the changed programme count when the service starts again", ", ".join(waits))
        self.waits = waits

    def _refuse(self, reason: str) -> None:
        if reason != self.refused:
            logger.error("the changed programme is not taken over, and the one before counts: %s", reason)
        # Also a file that comes back as it was is read again.
        self.refused, self._seen = reason, None
        self._refusing.set(1)


def _look(path: Path) -> Look:
    told = path.stat()
    return told.st_mtime_ns, told.st_ino, told.st_size
