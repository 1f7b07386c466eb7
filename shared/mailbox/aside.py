"""Letters put aside: tried again with growing pauses, and those parked behind them taken when their turn comes."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import and_, bindparam, exists, func, or_, select, update

from shared import names
from shared.away import is_away
from shared.clock import real
from shared.mailbox import gate
from shared.mailbox.letter import KEPT, Letter, take_out
from shared.mailbox.loop import Loop, told
from shared.mailbox.tables import heard, letters
from shared.sealed import CannotOpen
from shared.several import among

if TYPE_CHECKING:
    from shared.mailbox.box import Mailbox

logger = logging.getLogger(__name__)
PAUSES = [timedelta(seconds=each) for each in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300)]
"""How long what failed waits before each next try; after the last it is given up until somebody mends it."""

NO_REMEDY = (ValidationError, CannotOpen)
"""Errors that no second try can mend."""


MINE = among(letters.c.partition, "partitions")
REVIVED = update(letters).where(letters.c.state == "dead", MINE).values(state="retrying", attempts=0)
before = letters.alias("before")
EARLIER = exists().where(
    before.c.source == letters.c.source,
    before.c.key == letters.c.key,
    before.c.version < letters.c.version,
    before.c.version > gate.HEARD_OF,
)
TURN = or_(
    letters.c.version <= gate.HEARD_OF + 1,
    and_(or_(letters.c.version == letters.c.opens, letters.c.preceded_at <= bindparam("gone")), ~EARLIER),
)
"""When a parked letter is set free: what would jump over others goes only when none of these waits here, in any state.

It has to agree with `gate.sort`: what is set free and parked again would be taken for ever.
"""
SET_FREE = (
    select(letters.c.source, letters.c.key)
    .outerjoin(heard, gate.PLACE)
    .where(letters.c.state == "parked", TURN, MINE)
    .distinct()
    .limit(100)
    .subquery()
)
FREE = (
    select(letters)
    .join(SET_FREE, and_(SET_FREE.c.source == letters.c.source, SET_FREE.c.key == letters.c.key))
    .where(letters.c.state == "parked")
    .order_by(letters.c.version)
    .limit(500)
)
"""What waits for keys whose next letter is there, so that a long queue is taken as one."""
AGAIN = (
    select(letters)
    .where(letters.c.state == "retrying", letters.c.next_try <= bindparam("real"), MINE)
    .order_by(letters.c.next_try, letters.c.version)
    .limit(100)
)
BY_STATE = select(letters.c.state, func.count()).where(MINE).group_by(letters.c.state)


def pause_after(attempts: int) -> timedelta | None:
    """This will say how long to wait after so many failures in a row; None when it was tried often enough."""
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


class Aside(Loop):
    """Keeps one letter's trouble from holding up anybody but its own key."""

    def __init__(self, mailbox: "Mailbox", share: str) -> None:
        super().__init__()
        self.mailbox = mailbox
        self.partitions = names.partitions_of(share)
        self.some = True

    async def put(self, letter: Letter, wrong: Exception) -> None:
        """This will put a letter aside after its first failure."""
        hopeless = isinstance(wrong, NO_REMEDY)
        logger.warning("letter %s is %s (%s)", letter.event_id, "given up" if hopeless else "put aside", told(wrong))
        state = "dead" if hopeless else "retrying"
        try:
            async with self.mailbox.database.transaction() as db:
                await gate.put_aside(db, [letter], state=state, attempts=1, error=told(wrong), pause=PAUSES[0])
        finally:
            # Also where nobody knows whether that was committed.
            self.some = True

    def noticed(self, found: gate.Sorted) -> None:
        """This will look at once when letters that wait may have been set free."""
        self.some = self.some or bool(found.early)
        if self.some and found.news:
            self.wake()

    async def begin(self) -> None:
        """This will try again, after a start, what was given up before it."""
        async with self.mailbox.database.transaction() as db:
            await db.execute(REVIVED, {"partitions": self.partitions})

    async def once(self) -> bool:
        """This will take what was set free, then one round of what is to be tried again."""
        if not self.some:
            return False
        self.some = False
        try:
            free, again, waiting = await self._look()
        except Exception:
            self.some = True
            raise
        self.some = self.some or waiting > 0
        if free:
            await self._take(free, "parked")
        for letter, attempts in again:
            await self._try(letter, attempts)
        return bool(free)

    async def _look(self) -> tuple[list[Letter], list[tuple[Letter, int]], int]:
        mine, clock = {"partitions": self.partitions}, real()
        async with self.mailbox.database.reading() as db:
            free = [take_out(row) for row in (await db.execute(FREE, {**mine, "gone": clock - KEPT})).mappings()]
            failed = (await db.execute(AGAIN, {**mine, "real": clock})).mappings()
            again = [(take_out(row), row["attempts"]) for row in failed]
            counts = {row[0]: int(row[1]) for row in await db.execute(BY_STATE, mine)}
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

    def look(self) -> None:
        """This will look at once, for something has changed among what waits."""
        self.some = True
        self.wake()

    async def failed_again(self, letter: Letter, wrong: Exception) -> None:
        """This will keep the error of a try that a person asked for: what was given up stays so, the rest goes on."""
        worse = {"state": "dead"} if isinstance(wrong, NO_REMEDY) else {}
        await self._keep(letter, {"attempts": letters.c.attempts + 1, "error": told(wrong), **worse})

    async def _failed(self, letter: Letter, attempts: int, wrong: Exception) -> None:
        pause = None if isinstance(wrong, NO_REMEDY) else pause_after(attempts)
        waits = {
            "state": "retrying" if pause else "dead",
            "attempts": attempts,
            "error": told(wrong),
            "next_try": real() + (pause or timedelta()),
        }
        if await self._keep(letter, waits) and pause is None:
            logger.error("letter %s is given up after %d tries (%s)", letter.event_id, attempts, told(wrong))

    async def _keep(self, letter: Letter, outcome: Mapping[str, Any]) -> bool:
        """This will keep what came of a try, unless somebody has mended or passed over the letter meanwhile."""
        async with self.mailbox.database.transaction() as db:
            same = bool(await gate.still_aside(db, [letter]))
            if same:
                await db.execute(update(letters).where(letters.c.event_id == letter.event_id).values(**outcome))
        return same
