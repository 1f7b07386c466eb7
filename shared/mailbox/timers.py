"""Timers: facts that come back to their own service when domain time reaches them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import bindparam, or_, select, update

from shared import names
from shared.away import is_away
from shared.clock import now, real
from shared.mailbox.aside import PAUSES, pause_after
from shared.mailbox.letter import read
from shared.mailbox.loop import DoneElsewhere, Loop, refuse_fewer, told, unasked
from shared.mailbox.outbox import say
from shared.mailbox.tables import timers
from shared.several import among

if TYPE_CHECKING:
    from shared.mailbox.box import Mailbox

logger = logging.getLogger(__name__)
AT_ONCE = 500
AT_LEAST = 1.0
GIVEN_UP = timedelta(days=36500)
DUE = (
    select(timers)
    .where(timers.c.rung_at.is_(None), timers.c.due <= bindparam("now"))
    .where(among(timers.c.partition, "partitions"))
    .where(or_(timers.c.next_try.is_(None), timers.c.next_try <= bindparam("real")))
    .order_by(timers.c.due, timers.c.timer_id)
    .limit(AT_ONCE)
)
NEXT = (
    select(timers.c.due)
    .where(timers.c.rung_at.is_(None), timers.c.due > bindparam("now"))
    .where(among(timers.c.partition, "partitions"))
    .order_by(timers.c.due)
    .limit(1)
)
REVIVED = (
    update(timers)
    .where(timers.c.rung_at.is_(None), timers.c.attempts > len(PAUSES))
    .where(among(timers.c.partition, "partitions"))
    .values(attempts=0, next_try=None)
)
RUNG = (
    update(timers).where(among(timers.c.timer_id, "some"), timers.c.rung_at.is_(None)).values(rung_at=bindparam("at"))
)


@dataclass(frozen=True)
class Ring:
    """One timer whose moment has come."""

    timer_id: UUID
    fact: Any
    trace: str


class Timers(Loop):
    """Rings what is due, in one transaction with what the handlers then change and say."""

    def __init__(self, mailbox: "Mailbox", share: str) -> None:
        super().__init__()
        self.mailbox = mailbox
        self.partitions = names.partitions_of(share)
        self.longest = unasked(share)
        self._again: list[datetime] = []

    async def begin(self) -> None:
        """This will ring again, after a start, what was given up before it."""
        async with self.mailbox.database.transaction() as db:
            await db.execute(REVIVED, {"partitions": self.partitions})

    async def once(self) -> bool:
        """This will ring up to 500 timers, together, or one by one when together fails."""
        due = await self._due()
        if not due:
            self.every = await self._until_next()
            return False
        try:
            await self._ring(due)
        except Exception as wrong:
            if is_away(wrong):
                raise
            for each in due:
                await self._ring_or_wait(each)
        return True

    async def _due(self) -> Sequence[Any]:
        moment = {"now": now(), "real": real(), "partitions": self.partitions}
        async with self.mailbox.database.reading() as db:
            return (await db.execute(DUE, moment)).mappings().all()

    async def _until_next(self) -> float:
        """This will give the seconds until another is due or tried again: at least one, so that more ring together."""
        async with self.mailbox.database.reading() as db:
            due = (await db.execute(NEXT, {"now": now(), "partitions": self.partitions})).scalar()
        waits = [self.longest, *((each - real()).total_seconds() for each in self._again if each > real())]
        if due:
            waits.append((due - now()).total_seconds())
        self._again.clear()
        return max(min(waits), AT_LEAST)

    async def _ring(self, rows: Sequence[Any]) -> None:
        due = [self._opened(each) for each in rows]
        traces = {each.fact.key(): each.trace for each in due}
        async with self.mailbox.database.transaction() as db:
            said = await self.mailbox.board.hear([(each.fact.key(), each.fact) for each in due], db)
            await say(db, self.mailbox.speaker, said, lambda key: traces.get(key, due[0].trace))
            rung = await db.execute(RUNG, {"some": [each.timer_id for each in due], "at": real()})
            refuse_fewer(rung.rowcount, len(due))
        self.mailbox.meters.rang.labels("rung").inc(len(due))
        self.mailbox.after_commit(said)

    def _opened(self, row: Any) -> Ring:
        return Ring(row["timer_id"], read(self.mailbox.board.facts[row["type"]], row["body"]), row["trace"])

    async def _ring_or_wait(self, row: Any) -> None:
        try:
            await self._ring([row])
        except DoneElsewhere:
            logger.warning("a timer %s rang elsewhere", row["type"])
        except Exception as wrong:
            if is_away(wrong):
                raise
            attempts = row["attempts"] + 1
            waits = {"attempts": attempts, "next_try": real() + (pause_after(attempts) or GIVEN_UP)}
            self._again.append(waits["next_try"])
            failed = update(timers).where(timers.c.timer_id == row["timer_id"]).values(**waits, error=told(wrong))
            async with self.mailbox.database.transaction() as db:
                await db.execute(failed)
            self.mailbox.meters.rang.labels("failed").inc()
            logger.error("a timer %s failed (%s)", row["type"], told(wrong))
