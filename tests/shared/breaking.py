"""Breaks what a store does at any statement or commit, as a machine may at any moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from shared.database import Database


class Broken(Exception):
    """What a broken transaction ends with."""


class Break:
    """Lets nothing through from a statement on, counted over all transactions; a commit counts as one."""

    def __init__(self, number: int) -> None:
        self.number, self.statements = number, 0

    @property
    def happened(self) -> bool:
        """Whether it came to that."""
        return self.statements >= self.number

    def reached(self, *_: Any) -> None:
        """Count, and break where it is time."""
        self.statements += 1
        if self.happened:
            raise Broken(f"at statement {self.statements}")


@contextmanager
def broken_at(database: Database, number: int) -> Iterator[Break]:
    """Let a store do less than `number` statements, and then no more, as if its process had died."""
    engine, at = database.engine.sync_engine, Break(number)
    for moment in ("before_cursor_execute", "commit"):
        event.listen(engine, moment, at.reached)
    try:
        yield at
    finally:
        for moment in ("before_cursor_execute", "commit"):
            event.remove(engine, moment, at.reached)
