"""Time and chance that belong to a seed: an event loop that jumps to its next timer, and every source of randomness."""

import asyncio
import logging
import os
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from typing import Any, Protocol, TypeVar

from shared import clock

BEGIN = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
"""The machine's time at the start of every seed: a Monday morning in New York."""


Result = TypeVar("Result")


SPINS = 20_000
"""So many rounds without a moment passing, and somebody will go round for ever."""


class TimeStands(Exception):
    """No time will ever pass: everybody waits for somebody else, or somebody never waits."""


class Owner(Protocol):
    """Somebody to whom tasks belong, and with whom they die."""

    def owns(self, task: "asyncio.Task[Any]") -> None:
        """This will remember a task that began on the owner's behalf."""


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)


class _Jump(selectors.BaseSelector):
    """Waits for nothing: when nobody is ready, the time of the next timer has come."""

    def __init__(self) -> None:
        self.moment, self._rounds = 0.0, 0
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self._keys[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return self._keys[fileobj]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise TimeStands("everybody waits")
        self._rounds = 0 if timeout > 0 else self._rounds + 1
        if self._rounds > SPINS:
            self._rounds = 0
            raise TimeStands("somebody never waits")
        self.moment += max(timeout, 0.0)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which sleeping costs nothing; each task belongs to whoever's task began it."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self.set_task_factory(_owned)

    def time(self) -> float:
        """The seconds since the seed began."""
        return self._jump.moment


def _owned(loop: asyncio.AbstractEventLoop, coro: Any, **named: Any) -> "asyncio.Task[Any]":
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **named)
    owner = OWNER.get()
    if owner is not None:
        owner.owns(task)
    return task


@contextmanager
def _virtual(loop: VirtualLoop, chance: Random) -> Iterator[None]:
    """Whoever asks the machine for its time or for randomness is answered by the seed: here and nowhere else."""

    class Moments(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return BEGIN + timedelta(seconds=loop.time())

    before = os.urandom, time.monotonic, clock.datetime
    os.urandom, time.monotonic, clock.datetime = chance.randbytes, loop.time, Moments  # type: ignore[misc]
    logging.disable(int(os.environ.get("SIMULATION_LOGS", logging.CRITICAL)))
    clock.run_freely()
    clock.step_to(BEGIN)
    try:
        yield
    finally:
        os.urandom, time.monotonic, clock.datetime = before  # type: ignore[misc]
        logging.disable(logging.NOTSET)
        clock.run_freely()


def run(work: Callable[[VirtualLoop], Coroutine[Any, Any, Result]], chance: Random) -> Result:
    """Do some work in virtual time, with `chance` as the only randomness."""
    loop = VirtualLoop()
    with _virtual(loop, Random(chance.random())), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work(loop))
