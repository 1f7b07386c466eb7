"""Breaks a store's transactions at any statement, or at the commit, as a machine may at any moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from shared.database import Database


class Broken(Exception):
    """What a broken transaction ends with."""


class Break:
    """Breaks every transaction at its statement `number`; where it has fewer, at its commit, when that comes next."""

    def __init__(self, number: int) -> None:
        self.number, self.statements, self.happened = number, 0, False

    def begun(self, *_: Any) -> None:
        """Count from one again."""
        self.statements = 0

    def reached(self, *_: Any) -> None:
        """Break here, when it is here."""
        self.statements += 1
        if self.statements == self.number:
            self.happened = True
            raise Broken(f"at statement {self.number}")


@contextmanager
def broken_at(database: Database, number: int) -> Iterator[Break]:
    """Break every transaction of a store at its statement `number`, the commit being the last."""
    engine, at = database.engine.sync_engine, Break(number)
    moments = {"begin": at.begun, "before_cursor_execute": at.reached, "commit": at.reached}
    for moment, what in moments.items():
        event.listen(engine, moment, what)
    try:
        yield at
    finally:
        for moment, what in moments.items():
            event.remove(engine, moment, what)
