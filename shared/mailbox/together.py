"""Requests of an edge that gather while a transaction runs share the next one, as letters do."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.away import is_away, past_clashes
from shared.mailbox.loop import rest_of
from shared.mailbox.outbox import say
from shared.mailbox.said import Reply, Said, Together, flat

if TYPE_CHECKING:
    from shared.mailbox.box import Mailbox

AT_ONCE = 200
GAP = 0.01
"""Seconds without another request after which none is waited for."""
Waiting = tuple[Any, "asyncio.Future[Any]"]


class Gathering:
    """Gives `handler(values, db)` whatever gathered; a batch that fails is taken one by one, so an error is its own.

    While the database is away nobody's value is the reason, and all who gathered are refused at once.
    """

    def __init__(self, mailbox: "Mailbox", handler: Together) -> None:
        self.mailbox, self.handler = mailbox, handler
        self._waiting: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, value: Any) -> Any:
        """This will give the answer to a value after the commit of what it changed, or raise what was wrong with it."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((value, answer))
        self.mailbox.busy += 1
        try:
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._take_all())
            return await answer
        finally:
            self.mailbox.busy -= 1

    async def _take_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            begun = time.monotonic()
            try:
                _answer(batch, await past_clashes(partial(self._run, batch)))
            except Exception as wrong:
                await self._take_each(batch, wrong)
            await self._rest(until=time.monotonic() + rest_of(len(batch), worked=time.monotonic() - begun))

    async def _rest(self, *, until: float) -> None:
        """This will let more gather, while more come and there is room for them."""
        gathered = -1
        while gathered < len(self._waiting) < AT_ONCE and (left := until - time.monotonic()) > 0:
            gathered = len(self._waiting)
            await asyncio.sleep(min(GAP, left))

    async def _take_each(self, batch: Sequence[Waiting], wrong: Exception) -> None:
        if len(batch) == 1 or is_away(wrong):
            _refuse(batch, wrong)
            return
        for place, each in enumerate(batch):
            try:
                _answer([each], await past_clashes(partial(self._run, [each])))
            except Exception as its_own:
                if is_away(its_own):
                    _refuse(batch[place:], its_own)
                    return
                _refuse([each], its_own)

    async def _run(self, batch: Sequence[Waiting]) -> list[Reply]:
        async with self.mailbox.database.transaction() as db:
            replies = await self.handler([value for value, _ in batch], db)
            said: list[Said] = [word for each in replies for word in flat(each)]
            await say(db, self.mailbox.speaker, said)
        self.mailbox.after_commit(said)
        return replies


def _answer(batch: Sequence[Waiting], replies: Sequence[Reply]) -> None:
    for (_, answer), reply in zip(batch, replies, strict=True):
        if not answer.done():
            answer.set_result(reply.answer)


def _refuse(batch: Sequence[Waiting], wrong: Exception) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(wrong)
