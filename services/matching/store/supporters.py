"""Supporters: what they told, and how much they hold."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, case, func, null, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from services.matching.rules.people import Candidate
from services.matching.rules.supporter import Supporter
from services.matching.store.tables import supporters
from shared.database import UtcTime, upsert
from shared.sealed import unseal
from shared.several import among

TOLD = ["site_id", "zone", "profile", "exclusions", "digest", "active", "ceiling", "room", "changed_at"]
PLAIN = ("supporter_id", "organisation", "zone", "digest", "held", "ceiling", "changed_at")
KEEP = upsert(supporters, keys=["supporter_id"], change=[*TOLD, "considered_at"])
READ = select(
    *(supporters.c[each] for each in PLAIN),
    type_coerce(supporters.c.profile, Text).label("profile"),
    type_coerce(supporters.c.exclusions, Text).label("exclusions"),
).order_by(supporters.c.supporter_id)
"""Profile and exclusions as they are sealed, for they are opened once."""
SOME = READ.where(among(supporters.c.supporter_id, "some"))
OF_ORGANISATION = READ.where(supporters.c.organisation == bindparam("organisation"))
POSSIBLE = READ.where(supporters.c.active)
CHANGED = supporters.c.considered_at.is_(None) | (supporters.c.considered_at <= bindparam("before", type_=UtcTime()))
HAS_ROOM = supporters.c.held + bindparam("new", type_=Integer) <= supporters.c.ceiling
TO_CONSIDER = select(supporters.c.supporter_id).where(supporters.c.active, HAS_ROOM, CHANGED).limit(1)
CONSIDERED = (
    update(supporters).where(supporters.c.active, CHANGED).values(considered_at=bindparam("at", type_=UtcTime()))
)
RECONSIDER = update(supporters).where(supporters.c.active).values(considered_at=None)
TENTHS = bindparam("tenths", type_=Integer)
HELD = supporters.c.held + TENTHS
ROOM = case((supporters.c.ceiling >= HELD, supporters.c.ceiling), (TENTHS < 0, HELD), else_=supporters.c.room)
SEEN = case((TENTHS < 0, null()), else_=supporters.c.considered_at)
ADD = (
    update(supporters)
    .where(supporters.c.supporter_id == bindparam("one"))
    .values(held=HELD, room=ROOM, considered_at=SEEN)
)


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A supporter as they are known; `exclusions` are fingerprints of people, `held` is in tenths of a person."""

    supporter_id: UUID
    organisation: str
    supporter: Supporter
    zone: str
    digest: str
    exclusions: frozenset[str]
    held: int
    ceiling: int
    changed_at: datetime

    def candidate(self) -> Candidate:
        """This will give what a decision needs to know."""
        return Candidate(
            supporter_id=self.supporter_id, supporter=self.supporter, zone=self.zone, held=self.held, digest=self.digest
        )


async def supporters_by_id(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Registered]:
    """This will find some supporters."""
    rows = await db.execute(SOME, {"some": list(ids)})
    return {row.supporter_id: _registered(row) for row in rows}


async def supporters_of(db: AsyncConnection, organisation: str) -> list[Registered]:
    """This will list an organisation's supporters."""
    return [_registered(row) for row in await db.execute(OF_ORGANISATION, {"organisation": organisation})]


async def possible_supporters(db: AsyncConnection) -> list[Registered]:
    """This will list the supporters whom offers may be made to, full ones too."""
    return [_registered(row) for row in await db.execute(POSSIBLE)]


async def consider(db: AsyncConnection, *, new_person: int, at: datetime, again: timedelta) -> bool:
    """This will say whether those who wait already are to be thought of, and note that they are.

    That is when a supporter with room for a person, who counts `new_person` tenths, changed or got room since everybody
    who waits was last thought of, or when that was `again` ago; those due soon are then thought of too.
    """
    if (await db.execute(TO_CONSIDER, {"new": new_person, "before": at - again})).first() is None:
        return False
    await db.execute(CONSIDERED, {"before": at - again / 2, "at": at})
    return True


async def reconsider(db: AsyncConnection) -> None:
    """This will have everybody who waits thought of at the next decision, whatever was decided before."""
    await db.execute(RECONSIDER)


async def keep(db: AsyncConnection, known: Iterable[Registered]) -> None:
    """This will write down what supporters told, and leave alone what they hold."""
    rows = [_row(each) for each in known]
    if rows:
        await db.execute(KEEP, rows)


def _row(known: Registered) -> dict[str, Any]:
    return {
        "supporter_id": known.supporter_id,
        "organisation": known.organisation,
        "site_id": known.supporter.site_id,
        "zone": known.zone,
        "profile": known.supporter.model_dump(mode="json"),
        "exclusions": sorted(known.exclusions),
        "digest": known.digest,
        "active": known.supporter.active and not known.supporter.paused,
        "ceiling": known.ceiling,
        "room": max(known.ceiling, known.held),
        "registered_at": known.changed_at,
        "changed_at": known.changed_at,
        "considered_at": None,
    }


async def add_load(db: AsyncConnection, added: Mapping[UUID, int]) -> None:
    """This will add to what supporters hold, in tenths; the database refuses more than their room."""
    rows = [{"one": supporter_id, "tenths": tenths} for supporter_id, tenths in sorted(added.items())]
    if rows:
        await db.execute(ADD, rows)


async def take_load(db: AsyncConnection, taken: Mapping[UUID, int]) -> None:
    """This will take away from what supporters hold, in tenths."""
    await add_load(db, {supporter_id: -tenths for supporter_id, tenths in taken.items()})


async def count_active(db: AsyncConnection) -> int:
    """This will count the supporters whom offers may be made to."""
    return await db.scalar(select(func.count()).select_from(supporters).where(supporters.c.active)) or 0


def _registered(row: Any) -> Registered:
    told = {each: getattr(row, each) for each in PLAIN}
    return Registered(**told, supporter=_profile(row.profile), exclusions=_exclusions(row.exclusions))


@lru_cache(maxsize=20_000)
def _profile(sealed: str) -> Supporter:
    """This will open what a supporter told; what is sealed alike is alike, so each is read once a process."""
    return Supporter.model_validate(_opened("profile", sealed))


@lru_cache(maxsize=20_000)
def _exclusions(sealed: str) -> frozenset[str]:
    return frozenset(_opened("exclusions", sealed))


def _opened(column: str, sealed: str) -> Any:
    return json.loads(unseal(sealed.encode(), place=f"supporters.{column}"))
