"""Something the mailbox does for ever: at once when woken, and every few seconds as the guarantee."""

import asyncio
import logging
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from traceback import walk_tb

from shared import names
from shared.away import is_away

logger = logging.getLogger(__name__)


class Loop(ABC):
    """Calls `once` until it finds nothing to do, then waits to be woken, at most `every` seconds."""

    every = 1.0

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.active = False

    async def begin(self) -> None:  # noqa: B027
        """This will do what is done once, at the start."""

    @abstractmethod
    async def once(self) -> bool:
        """This will do what is there to do, and say whether there may be more."""

    def wake(self) -> None:
        """This will make the loop look at once."""
        self.active = True
        self._woken.set()

    def start(self) -> None:
        """This will begin, in the background."""
        self._task = asyncio.create_task(self._for_ever(), name=type(self).__name__)

    async def stop(self) -> None:
        """This will finish the round under way, and end."""
        self._stopping = True
        self.wake()
        if self._task:
            with suppress(asyncio.CancelledError):
                await self._task

    async def _for_ever(self) -> None:
        pause, begun = 0.2, False
        while not self._stopping:
            self._woken.clear()
            self.active = True
            try:
                if not begun:
                    await self.begin()
                    begun = True
                more = await self.once()
                pause = 0.2
            except Exception as wrong:
                how = logging.WARNING if is_away(wrong) else logging.ERROR
                logger.log(how, "%s was interrupted (%s); again in %.1f s", type(self).__name__, told(wrong), pause)
                await asyncio.sleep(pause)
                pause, more = min(pause * 2, 5.0), True
            self.active = more or self._woken.is_set()
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self.every)


def unasked(share: str) -> float:
    """This will give the seconds after which to look without being woken.

    A process with the whole store for itself is woken by all it writes; what other shares write for it, it has to find.
    """
    return 5.0 if names.is_whole(share) else 1.0


LONGEST_REST = 0.1


async def rest(together: int, *, worked: float) -> None:
    """This will let more gather for the next transaction."""
    if seconds := rest_of(together, worked=worked):
        await asyncio.sleep(seconds)


def rest_of(together: int, *, worked: float) -> float:
    """This will give for how long more may gather: twice as long as the last transaction took, at most 100 ms.

    After a lone letter nobody rests, so an idle system answers at once.
    """
    return min(2 * worked, LONGEST_REST) if together > 1 else 0.0


class DoneElsewhere(Exception):
    """Another process has done some of it: a share that was lost without our knowing."""


def refuse_fewer(changed: int, wanted: int) -> None:
    """This will undo, by DoneElsewhere, a transaction that could not mark all it was to mark."""
    if changed != wanted:
        raise DoneElsewhere(f"{wanted - changed} of {wanted} were done elsewhere")


ROOT = Path(__file__).parents[2]


def told(wrong: BaseException) -> str:
    """This will name an error and its place, never its words, which may hold somebody's data.

    The place is the innermost in a service, or else in code of ours: a library's own helps nobody at 3 a.m.
    """
    frames = [(Path(each.f_code.co_filename), line) for each, line in walk_tb(wrong.__traceback__)]
    ours = [(path.relative_to(ROOT), line) for path, line in frames if path.is_relative_to(ROOT)]
    ours = [(path, line) for path, line in ours if "site-packages" not in path.parts]
    services = [(path, line) for path, line in ours if path.parts[0] == "services"]
    for path, line in (services or ours or frames)[-1:]:
        return f"{type(wrong).__name__} at {path}:{line}"
    return type(wrong).__name__
