"""What is seen of letters put aside: the first of each queue, one letter, and what was done with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import UtcTime
from shared.mailbox import gate
from shared.mailbox.letter import take_out
from shared.mailbox.seen import Act, Kept, Listed
from shared.mailbox.tables import heard, letter_acts, letters

MOST = 100
"""How many queues are listed at once."""

QUEUE = letters.c.source, letters.c.key
RANKED = (
    select(
        *letters.c,
        func.coalesce(heard.c.version, 0).label("reached"),
        func.row_number().over(partition_by=QUEUE, order_by=letters.c.version).label("rank"),
        (func.count().over(partition_by=QUEUE) - 1).label("behind"),
    )
    .outerjoin(heard, gate.PLACE)
    .subquery()
)
FIRSTS = (
    select(RANKED, func.count().over().label("queues"))
    .where(RANKED.c.rank == 1)
    .order_by(RANKED.c.state != "dead", RANKED.c.put_aside_at, RANKED.c.event_id)
    .limit(MOST)
)
DEAD = FIRSTS.where(RANKED.c.state == "dead")
LAST = tuple_(bindparam("since", type_=UtcTime), bindparam("after", type_=Uuid))
BEYOND = DEAD.where(tuple_(RANKED.c.put_aside_at, RANKED.c.event_id) > LAST)


async def first(db: AsyncConnection) -> Listed:
    """This will list the first letter of each queue, what was given up first."""
    return _listed((await db.execute(FIRSTS)).mappings().all())


async def given_up(db: AsyncConnection, beyond: tuple[datetime, UUID] | None) -> Listed:
    """This will list the first letters that were given up, oldest first, beyond one put aside at a time."""
    if beyond is None:
        return _listed((await db.execute(DEAD)).mappings().all())
    return _listed((await db.execute(BEYOND, {"since": beyond[0], "after": beyond[1]})).mappings().all())


async def one(db: AsyncConnection, letter_id: UUID) -> Kept | None:
    """This will find a letter put aside."""
    found = await row(db, letter_id)
    return _kept(found) if found else None


async def acts(db: AsyncConnection, letter_id: UUID) -> list[Act]:
    """This will tell what was done with a letter, in order."""
    wanted = select(letter_acts).where(letter_acts.c.letter_id == letter_id).order_by(letter_acts.c.id)
    return [Act(**each) for each in (await db.execute(wanted)).mappings()]


async def row(db: AsyncConnection, letter_id: UUID) -> Any:
    """This will find a letter's columns, with its `rank` in its queue and how far that was `reached`."""
    return (await db.execute(select(RANKED).where(RANKED.c.event_id == letter_id))).mappings().one_or_none()


def _listed(rows: Sequence[Any]) -> Listed:
    return Listed(queues=rows[0]["queues"] if rows else 0, letters=[_kept(each) for each in rows])


def _kept(found: Any) -> Kept:
    waits = found["version"] > found["reached"] and not take_out(found).follows(found["reached"])
    return Kept(letter_id=found["event_id"], **found, waits_for=found["reached"] + 1 if waits else None)
