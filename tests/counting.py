"""How many statements something takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from shared.database import Database


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that are run meanwhile."""
    run: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        run.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield run
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
