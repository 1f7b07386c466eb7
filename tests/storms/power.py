"""A disk that loses power: an ext4 file system in a file, of which everything goes that was not yet safe."""

import errno
import fcntl
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

EXT4_IOC_SHUTDOWN, WITHOUT_THE_JOURNAL = 0x8004587D, 2
MEGABYTES = 256


def why_not() -> str:
    """Why no disk can lose its power here; nothing when one can."""
    if os.geteuid():
        return "only root can mount a disk that loses power"
    missing = [each for each in ("losetup", "mkfs.ext4", "mount") if not shutil.which(each)]
    if missing:
        return f"no {missing[0]}: a disk that loses power cannot be made"
    found = subprocess.run(["losetup", "--find"], capture_output=True)
    return "no loop device is free: a disk that loses power cannot be mounted" if found.returncode else ""


@dataclass(frozen=True)
class Disk:
    """A mounted file system in a file."""

    image: Path
    place: Path

    def lose_power(self) -> None:
        """Drop whatever was not synced; from now on nothing can be written."""
        opened = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(opened, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_THE_JOURNAL))
        finally:
            os.close(opened)
        assert self.is_dead()

    def is_dead(self) -> bool:
        """Whether nothing can be written."""
        try:
            (self.place / "alive").touch()
        except OSError as wrong:
            return wrong.errno == errno.EIO
        return False

    def mount(self) -> None:
        """Give it power: what was synced is there again."""
        self.place.mkdir(exist_ok=True)
        run("mount", "-o", "loop", str(self.image), str(self.place))

    def unmount(self) -> None:
        """Let go of it, as soon as the last thread of whoever was killed has let go of its files."""
        deadline = time.monotonic() + 10
        while subprocess.run(["umount", str(self.place)], capture_output=True).returncode:
            assert time.monotonic() < deadline, f"somebody still has a file of {self.place} open"
            time.sleep(0.05)


@contextmanager
def disk(folder: Path, name: str) -> Iterator[Disk]:
    """A new disk for the length of the block; the test is skipped where none can be mounted."""
    image = folder / f"{name}.image"
    with image.open("wb") as file:
        file.truncate(MEGABYTES << 20)
    run("mkfs.ext4", "-q", str(image))
    made = Disk(image, folder / name)
    try:
        made.mount()
    except subprocess.CalledProcessError as wrong:
        pytest.skip(f"no disk can be mounted: {wrong.stderr.decode().strip()}")
    try:
        yield made
    finally:
        made.unmount()


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
