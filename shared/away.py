"""What a database's error means: it is away, another transaction got in the way, or the fault is ours."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolIsFull

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

AWAY_STATES = ("08", "40", "53", "57P")
"""SQLSTATE classes: connection lost, transaction to be repeated, no resources, server stopping or starting."""

AWAY_WORDS = (
    *("locked", "disk i/o", "disk is full", "disk image is malformed", "readonly database", "unable to open"),
    *("connection is closed", "connection was closed"),
)
"""A store that is spoilt is no letter's fault either."""

CLASHES = 3


def is_away(error: BaseException) -> bool:
    """This will say whether an error means that the database itself is away or too busy, and trying again may help."""
    if isinstance(error, OSError | TimeoutError | PoolIsFull):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state, words = _state(error), str(error.orig).lower()
    return error.connection_invalidated or state.startswith(AWAY_STATES) or any(each in words for each in AWAY_WORDS)


def reason(error: Exception) -> str:
    """This will give the first line of what a database, or the way there, said."""
    return (str(getattr(error, "orig", None) or error).splitlines() or ["no answer"])[0]


async def past_clashes(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """This will attempt a transaction up to three times while others get in its way: deadlocks, serialization."""
    for _ in range(CLASHES - 1):
        try:
            return await attempt()
        except DBAPIError as wrong:
            if not _state(wrong).startswith("40"):
                raise
    return await attempt()


async def until_it_answers(
    attempt: Callable[[], Awaitable[None]], *, ends: Callable[[], bool], noted: Callable[[], None] = lambda: None
) -> None:
    """This will attempt something until the database is there for it; once the process `ends`, it raises instead."""
    pause = 0.1
    while True:
        try:
            return await attempt()
        except Exception as wrong:
            if not is_away(wrong) or ends():
                raise
            noted()
            # What the way there says holds nobody's data; what a database says may.
            why = reason(wrong) if isinstance(wrong, OSError) else type(wrong).__name__
            logger.warning("waiting for the database (%s); again in %.1f s", why, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")
