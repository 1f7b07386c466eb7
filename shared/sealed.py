"""Where sensitive data goes in and out encrypted: payloads, what columns hold, and keyed look-ups.

AES-256-GCM with the key's id beside the ciphertext, so that keys can be changed, and later be one per person.
"""

import base64
import hmac
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_keys: dict[str, bytes] = {}
_active = ""


class CannotOpen(ValueError):
    """Something sealed cannot be opened: the key is missing, or it was changed."""


def new_keys() -> str:
    """This will write a fresh key file's content (JSON); keep it apart from the databases and their backups."""
    return json.dumps({"active": "k1", "keys": {"k1": base64.b64encode(os.urandom(32)).decode()}})


def use_keys(path: Path) -> None:
    """This will take the keys from a file written by `new_keys`; ValueError says what is wrong with it."""
    try:
        content = json.loads(path.read_text())
        use(
            {name: base64.b64decode(value, validate=True) for name, value in content["keys"].items()}, content["active"]
        )
    except (KeyError, TypeError, ValueError) as wrong:
        raise ValueError(f'{path} must hold {{"active": "k1", "keys": {{"k1": "<32 bytes in base64>"}}}}.') from wrong


def use(keys: dict[str, bytes], active: str) -> None:
    """This will seal with `active` from now on, and open with any of `keys` (32 bytes each)."""
    global _active
    if active not in keys or any(len(each) != 32 for each in keys.values()):
        raise ValueError("The active key must be among the keys, and each key must be 32 bytes long.")
    _keys.clear()
    _keys.update(keys)
    _active = active


def seal(plain: bytes, *, place: str) -> bytes:
    """This will encrypt for one place (a column, a subject): what is moved to another place does not open."""
    nonce = os.urandom(12)
    closed = AESGCM(_keys[_active]).encrypt(nonce, plain, place.encode())
    return f"{_active}.{base64.b64encode(nonce + closed).decode()}".encode()


def unseal(closed: bytes, *, place: str) -> bytes:
    """This will decrypt what `seal` made for the same place; CannotOpen when key, place or content do not fit."""
    name, _, rest = closed.decode("ascii", "replace").partition(".")
    try:
        raw = base64.b64decode(rest, validate=True)
        return AESGCM(_keys[name]).decrypt(raw[:12], raw[12:], place.encode())
    except (KeyError, ValueError, InvalidTag) as wrong:
        raise CannotOpen(f"What is sealed for {place} cannot be opened with the keys given.") from wrong


def lookup(*parts: str) -> str:
    """This will give a keyed fingerprint (64 hex digits), to find a person again without keeping the identifier."""
    first = _keys[min(_keys)]
    return hmac.digest(first, "\x1f".join(parts).encode(), "sha256").hex()
