"""A data folder is one process's at a time: whoever runs it or writes it anew claims it first."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "alongside.lock"
"""The file of a folder by which it is claimed; it stays, and says nothing once its process ended."""


class FolderInUse(Exception):
    """Another process has claimed the folder; the message says what to do."""


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """This will keep a folder for this process, or raise FolderInUse at once. A claim ends with its process."""
    data.mkdir(parents=True, exist_ok=True)
    # Opened for appending: whoever is refused must not wipe the holder's name. Never deleted: a claim on a deleted file
    # would not be seen by those who make the file anew.
    with (data / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise FolderInUse(_refusal(data, file.read().strip())) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _refusal(data: Path, holder: str) -> str:
    who = f"process {holder}" if holder else "another process"
    return f"{data} is in use by {who}, perhaps an `alongside up` or `demo`: end that one, or choose another --data."
