"""What happens to a broker's disk: files go, bits flip, ends are cut off, and an old copy is put back."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy import ports
from deploy.nats import configuration, server
from tests.bus import ORGANISATIONS, Bus


@dataclass
class Ailing(Bus):
    """A bus whose server is killed and started again, always on the same port."""

    @property
    def store(self) -> Path:
        """Where JetStream keeps everything."""
        return self.configuration.path.parent / "jetstream"

    def kill(self) -> None:
        """End the server like a power switch."""
        assert isinstance(self.server, server.Server)
        self.server.kill()

    def end(self) -> None:
        """End the server in order."""
        assert isinstance(self.server, server.Server)
        self.server.stop()

    def start(self) -> None:
        """Start the server on whatever the disk holds now."""
        self.server = server.start(self.configuration)

    def wipe(self) -> None:
        """Lose everything that JetStream ever wrote."""
        shutil.rmtree(self.store)

    def copy(self, where: Path) -> None:
        """Put a copy of the disk aside."""
        shutil.copytree(self.store, where)

    def restore(self, where: Path) -> None:
        """Put the copy back."""
        self.wipe()
        self.copy_of(where)

    def copy_of(self, where: Path) -> None:
        """Fill the empty disk from a copy."""
        shutil.copytree(where, self.store)

    def file(self, stream: str, name: str) -> Path:
        """A file that belongs to a stream."""
        (found,) = self.store.rglob(f"streams/{stream}/{name}")
        return found

    def blocks(self, stream: str) -> list[Path]:
        """The files that hold a stream's messages, the oldest first."""
        return blocks(self.store, stream)

    async def held(self, stream: str) -> dict[int, str]:
        """The ids of all messages that can be read from a stream, by their places."""
        admin = await self.client("admin")
        told = {number: each async for number, each in _read(admin, stream)}
        await admin.close()
        return told


async def _read(admin: Any, stream: str) -> AsyncIterator[tuple[int, str]]:
    jetstream = admin.jetstream()
    state = (await jetstream.stream_info(stream)).state
    for number in range(max(state.first_seq, 1), state.last_seq + 1):
        try:
            found = await jetstream.get_msg(stream, number)
        except Exception as wrong:
            assert "no message found" in str(wrong)
            continue
        yield number, (found.headers or {}).get("ce-id", "")


def blocks(store: Path, stream: str) -> list[Path]:
    """The files under a JetStream folder that hold a stream's messages, the oldest first."""
    return sorted(store.rglob(f"streams/{stream}/msgs/*.blk"), key=lambda each: int(each.stem))


def flip_a_bit(path: Path, *, where: float = 0.5) -> None:
    """Let one bit of a file be another, at a part of its length."""
    with path.open("r+b") as file:
        place = int(path.stat().st_size * where)
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 8]))
        file.flush()
        os.fsync(file.fileno())


def cut_short(path: Path, *, where: float = 0.5) -> None:
    """Let a file end in the middle."""
    os.truncate(path, int(path.stat().st_size * where))


@asynccontextmanager
async def ailing_bus(folder: Path) -> AsyncIterator[Ailing]:
    """A declared bus on a disk that will suffer."""
    written = configuration.write(folder, ORGANISATIONS, port=ports.free())
    bus = Ailing(server.start(written), written)
    try:
        await bus.declare()
        yield bus
    finally:
        bus.kill()
