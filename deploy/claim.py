"""A data folder is run, and is changed, by one process at a time: whoever does it claims it first."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "alongside.lock"
"""The file of a folder by which it is claimed; it stays, and says nothing once its process ended."""


CHANGE = "change.lock"
"""The file by which somebody claims to be the only one that changes the programme, keys, and broker's configuration."""


class FolderInUse(Exception):
    """Another process has claimed the folder; the message says what to do."""


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """This will keep a folder for this process, or raise FolderInUse at once. A claim ends with its process."""
    data.mkdir(parents=True, exist_ok=True)
    with _held(data / LOCK) as holder:
        if holder is not None:
            raise FolderInUse(_refusal(data, holder))
        yield


@contextmanager
def changing(data: Path) -> Iterator[None]:
    """This will let nobody else change the programme, keys and broker's configuration, whoever runs the folder.

    FolderInUse at once where somebody does.
    """
    with _held(data / CHANGE) as holder:
        if holder is not None:
            raise FolderInUse(f"{data} is just being changed by process {holder}: try again when that has ended.")
        yield


def is_claimed(data: Path) -> bool:
    """This will say whether another process, an `alongside up` or `demo`, runs from a folder."""
    if not (data / LOCK).exists():
        return False
    with _held(data / LOCK) as holder:
        return holder is not None


@contextmanager
def _held(path: Path) -> Iterator[str | None]:
    """This will hold a lock for the length of the block, or give the process that holds it."""
    # Opened for appending: whoever is refused must not wipe the holder's name. Never deleted: a claim on a deleted file
    # would not be seen by those who make the file anew.
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            yield file.read().strip()
            return
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield None


def _refusal(data: Path, holder: str) -> str:
    who = f"process {holder}" if holder else "another process"
    return f"{data} is in use by {who}, perhaps an `alongside up` or `demo`: end that one, or choose another --data."
