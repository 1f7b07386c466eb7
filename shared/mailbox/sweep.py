"""Lets go of what nobody needs any more: what was sent, and what was posted, longer ago than streams remember."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from shared import names
from shared.clock import real
from shared.database import Database
from shared.mailbox.letter import KEPT
from shared.mailbox.loop import Loop
from shared.mailbox.tables import inbox, outbox, spoken
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
FORGET = delete(inbox).where(inbox.c.heard_at <= bindparam("gone"))


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
        """This will look at the next 500 rows from the oldest on, and let go of those sent 30 days ago."""
        gone = real() - KEPT
        async with self.database.transaction() as db:
            looked = (await db.execute(OLDEST, {"after": self._after, "partitions": self.partitions})).all()
            old = self._no_longer_needed(looked, gone)
            if old:
                await db.execute(LET_GO, {"some": [each.id for each in old]})
                await db.execute(OPENS, _firsts(old))
            await db.execute(FORGET, {"gone": gone - SLACK})
        young = any(each.sent_at and each.sent_at > gone for each in looked)
        more = len(looked) == AT_ONCE and (bool(old) or not young)
        self._after = looked[-1].id if more else 0
        if not more:
            self._kept.clear()
        return more

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
