"""Columns that are encrypted at rest."""

import json
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from shared.sealed import seal, unseal


class Sealed(TypeDecorator[Any]):
    """A text column that is encrypted at rest, for its own `place` only: `seats.note`."""

    impl = Text
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """This will encrypt on the way in."""
        del dialect
        return None if value is None else seal(self.to_bytes(value), place=self.place).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """This will decrypt on the way out."""
        del dialect
        return None if value is None else self.from_bytes(unseal(value.encode(), place=self.place))

    def to_bytes(self, value: Any) -> bytes:
        """This will write what is to be encrypted."""
        written: bytes = value.encode()
        return written

    def from_bytes(self, plain: bytes) -> Any:
        """This will read what was encrypted."""
        return plain.decode()


class SealedJson(Sealed):
    """A JSON column that is encrypted at rest."""

    cache_ok = True

    def to_bytes(self, value: Any) -> bytes:
        """This will write JSON."""
        return json.dumps(value).encode()

    def from_bytes(self, plain: bytes) -> Any:
        """This will read JSON."""
        return json.loads(plain)
