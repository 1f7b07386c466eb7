"""Slips of whoever wrote the code: no storm brings them about, so a bug that is found by one only is badly made."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import ArgumentError, CompileError, InterfaceError, ProgrammingError, StatementError

from shared.mailbox.loop import told

KINDS = (
    TypeError,
    AttributeError,
    NameError,
    LookupError,
    ArgumentError,
    CompileError,
    InterfaceError,
    ProgrammingError,
)
MET: list[str] = []
"""The slips that the seed under way has met, each by its name and place."""


@contextmanager
def noted() -> Iterator[None]:
    """Keep what slips by, and let it go on as it would."""
    try:
        yield
    except Exception as wrong:
        # What a database says of a good statement has a kind of its own.
        if isinstance(wrong, KINDS) or type(wrong) is StatementError:
            MET.append(told(wrong))
        raise


def watched(work: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does the same, and whose slips are noted."""

    @functools.wraps(work)
    async def later(*given: Any, **named: Any) -> Any:
        with noted():
            return await work(*given, **named)

    @functools.wraps(work)
    def at_once(*given: Any, **named: Any) -> Any:
        with noted():
            return work(*given, **named)

    return later if inspect.iscoroutinefunction(work) else at_once
