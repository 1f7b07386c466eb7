"""The secret keys of the broker's users: one file each, made once, readable by their owner only."""

import os
from pathlib import Path

import nkeys


def kept(folder: Path, name: str) -> Path:
    """This will give the file with a user's seed, making a new key when there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = place(folder, name)
    if not path.exists():
        _keep(path, nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))
    path.chmod(0o600)
    return path


def place(folder: Path, name: str) -> Path:
    """This will say where a user's seed is kept."""
    return folder / f"{name}.nk"


def coming(folder: Path, name: str) -> Path:
    """This will say where the seed is kept that is to replace a user's; the broker knows both meanwhile."""
    # No user has a dot in its name.
    return place(folder, f"{name}.next")


def seed(folder: Path, name: str) -> str:
    """This will read a user's seed, making a new key when there is none."""
    return kept(folder, name).read_text().strip()


def public(path: Path) -> str:
    """This will give the public key of the seed in a file."""
    pair = nkeys.from_seed(bytearray(path.read_bytes().strip()))
    return bytes(pair.public_key).decode()


def _keep(path: Path, seed: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(seed)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        # Another process made the same user's key first: there is one key, and it is that one.
        return
    finally:
        draft.unlink()
