"""Lets go of what nobody needs any more: what was sent, posted, rung or called longer ago than streams remember.

A timer that rang and an errand that is done may go, though their ids would let the same be said anew: nobody says it.
A letter that a stream or an outbox gives again is known (`heard`, `inbox`), and has no effect at all; what an edge, a
timer or an errand's result says hangs on a row that is written with it (the offer, the session, the attempt, the page).
Until no stream holds what made them be said, they stay as a second mark.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Delete, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import names
from shared.clock import real
from shared.database import Database
from shared.mailbox.letter import KEPT
from shared.mailbox.loop import Loop
from shared.mailbox.tables import errands, inbox, outbox, spoken, timers
from shared.several import among

AT_ONCE = 500
SLACK = timedelta(days=1)
"""How much longer it is remembered what was heard than any stream keeps it."""

OLDEST = (
    select(outbox.c.id, outbox.c.channel, outbox.c.key, outbox.c.version, outbox.c.sent_at)
    .where(outbox.c.id > bindparam("after"), among(outbox.c.partition, "partitions"))
    .order_by(outbox.c.id)
    .limit(AT_ONCE)
)
LET_GO = delete(outbox).where(among(outbox.c.id, "some"))
OPENS = update(spoken).where(spoken.c.channel == bindparam("of"), spoken.c.key == bindparam("about"))
OPENS = OPENS.values(opens=bindparam("first"))


def _oldest(since: Column[Any], *which: ColumnElement[bool]) -> Delete:
    (key,) = since.table.primary_key
    some = select(key).where(since <= bindparam("gone"), *which).order_by(since).limit(AT_ONCE)
    return delete(since.table).where(key.in_(some))


POSTED = _oldest(inbox.c.heard_at)
RUNG = _oldest(timers.c.rung_at, among(timers.c.partition, "partitions"))
DONE = _oldest(errands.c.done_at, errands.c.state == "done", among(errands.c.partition, "partitions"))


class Sweep(Loop):
    """Sweeps every hour; a key's rows go from its first on, so that what is left of it has no gap."""

    every = 3600.0

    def __init__(self, database: Database, share: str) -> None:
        super().__init__()
        self.database = database
        self.partitions = names.partitions_of(share)
        self._after = 0
        self._kept: set[tuple[str, str]] = set()

    async def once(self) -> bool:
        """This will let go of what is over, and of those among the next 500 rows said that were sent 30 days ago."""
        gone = real() - KEPT
        async with self.database.transaction() as db:
            looked = (await db.execute(OLDEST, {"after": self._after, "partitions": self.partitions})).all()
            old = self._no_longer_needed(looked, gone)
            if old:
                await db.execute(LET_GO, {"some": [each.id for each in old]})
                await db.execute(OPENS, _firsts(old))
            full = await self._forget(db, gone - SLACK)
        young = any(each.sent_at and each.sent_at > gone for each in looked)
        more = len(looked) == AT_ONCE and (bool(old) or not young)
        self._after = looked[-1].id if more else 0
        if not more:
            self._kept.clear()
        return more or full

    async def _forget(self, db: AsyncConnection, gone: datetime) -> bool:
        """This will let go of up to 500 of each thing that is over, and say whether there may be more."""
        mine = {"gone": gone, "partitions": self.partitions}
        counts = [(await db.execute(each, mine)).rowcount for each in (RUNG, DONE)]
        counts.append((await db.execute(POSTED, {"gone": gone})).rowcount)
        return max(counts) >= AT_ONCE

    def _no_longer_needed(self, looked: Sequence[Any], gone: datetime) -> list[Any]:
        """This will choose what was sent long ago, unless something before it of the same key is still needed."""
        old = []
        for each in looked:
            place = each.channel, each.key
            if place not in self._kept and each.sent_at and each.sent_at <= gone:
                old.append(each)
            else:
                self._kept.add(place)
        return old


def _firsts(old: Sequence[Any]) -> list[dict[str, Any]]:
    """This will give, for each key, the first version that is left."""
    last = {(each.channel, each.key): each.version for each in old}
    return [{"of": channel, "about": key, "first": version + 1} for (channel, key), version in sorted(last.items())]
