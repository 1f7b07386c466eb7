"""Letters put aside: tried again with growing pauses, and those parked behind them taken when their turn comes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import and_, func, or_, select, update

from shared.clock import real
from shared.database import is_away
from shared.mailbox import gate
from shared.mailbox.letter import Letter, take_out
from shared.mailbox.loop import Loop, told
from shared.mailbox.tables import heard, letters
from shared.sealed import CannotOpen

if TYPE_CHECKING:
    from shared.mailbox.box import Mailbox

PAUSES = [timedelta(seconds=each) for each in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300)]
"""How long what failed waits before each next try; after the last it is given up until somebody mends it."""

NO_REMEDY = (ValidationError, CannotOpen)
"""Errors that no second try can mend."""


REVIVED = update(letters).where(letters.c.state == "dead").values(state="retrying", attempts=0)


def pause_after(attempts: int) -> timedelta | None:
    """This will say how long to wait after so many failures in a row; None when it was tried often enough."""
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


class Aside(Loop):
    """Keeps one letter's trouble from holding up anybody but its own key."""

    def __init__(self, mailbox: "Mailbox") -> None:
        super().__init__()
        self.mailbox = mailbox
        self.some = True

    async def put(self, letter: Letter, wrong: Exception) -> None:
        """This will put a letter aside after its first failure."""
        hopeless = isinstance(wrong, NO_REMEDY)
        async with self.mailbox.database.transaction() as db:
            await gate.put_aside(
                db,
                [letter],
                state="dead" if hopeless else "retrying",
                attempts=1,
                error=told(wrong),
                pause=PAUSES[0],
            )
        self.some = True

    def noticed(self, found: gate.Sorted) -> None:
        """This will look at once when letters that wait may have been set free."""
        self.some = self.some or bool(found.early)
        if self.some and found.news:
            self.wake()

    async def begin(self) -> None:
        """This will try again, after a start, what was given up before it."""
        async with self.mailbox.database.transaction() as db:
            await db.execute(REVIVED)

    async def once(self) -> bool:
        """This will take what was set free, then one round of what is to be tried again."""
        if not self.some:
            return False
        self.some = False
        free, again, waiting = await self._look()
        self.some = self.some or waiting > 0
        if free:
            await self._take(free, "parked")
        for letter, attempts in again:
            await self._try(letter, attempts)
        return bool(free)

    async def _look(self) -> tuple[list[Letter], list[tuple[Letter, int]], int]:
        place = and_(heard.c.source == letters.c.source, heard.c.key == letters.c.key)
        turn = or_(letters.c.version <= func.coalesce(heard.c.version, 0) + 1, letters.c.version == letters.c.opens)
        parked = select(letters).outerjoin(heard, place).where(letters.c.state == "parked", turn)
        failed = select(letters).where(letters.c.state == "retrying", letters.c.next_try <= real())
        async with self.mailbox.database.reading() as db:
            free = [take_out(row) for row in (await db.execute(parked.limit(500))).mappings()]
            rows = (await db.execute(failed.order_by(letters.c.next_try).limit(100))).mappings()
            again = [(take_out(row), row["attempts"]) for row in rows]
            by_state = select(letters.c.state, func.count()).group_by(letters.c.state)
            counts = {row[0]: int(row[1]) for row in await db.execute(by_state)}
        for state in ("parked", "retrying", "dead"):
            self.mailbox.meters.aside.labels(state).set(counts.get(state, 0))
        return free, again, counts.get("parked", 0) + counts.get("retrying", 0)

    async def _take(self, free: Sequence[Letter], consumer: str) -> None:
        try:
            await self.mailbox.apply(free, consumer, from_aside=True)
        except Exception as wrong:
            if is_away(wrong):
                raise
            for each in free:
                await self._try(each, 0)

    async def _try(self, letter: Letter, attempts: int) -> None:
        try:
            await self.mailbox.apply([letter], "aside", from_aside=True)
        except Exception as wrong:
            if is_away(wrong):
                raise
            await self._failed(letter, attempts + 1, wrong)

    async def _failed(self, letter: Letter, attempts: int, wrong: Exception) -> None:
        pause = None if isinstance(wrong, NO_REMEDY) else pause_after(attempts)
        waits = {
            "state": "retrying" if pause else "dead",
            "attempts": attempts,
            "error": told(wrong),
            "next_try": real() + (pause or timedelta()),
        }
        async with self.mailbox.database.transaction() as db:
            await db.execute(update(letters).where(letters.c.event_id == letter.event_id).values(**waits))
