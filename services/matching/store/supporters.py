"""Supporters: what they told, and how much they hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.rules.people import Candidate
from services.matching.rules.supporter import Supporter
from services.matching.store.tables import supporters
from shared.database import upsert

CHANGES = ["site_id", "zone", "profile", "exclusions", "digest", "active", "ceiling", "room", "changed_at"]


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


async def supporter(db: AsyncConnection, supporter_id: UUID) -> Registered | None:
    """This will find a supporter."""
    found = await _read(db, supporters.c.supporter_id == supporter_id)
    return found[0] if found else None


async def supporters_by_id(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Registered]:
    """This will find some supporters."""
    found = await _read(db, supporters.c.supporter_id.in_(sorted(set(ids))))
    return {each.supporter_id: each for each in found}


async def supporters_of(db: AsyncConnection, organisation: str) -> list[Registered]:
    """This will list an organisation's supporters."""
    return await _read(db, supporters.c.organisation == organisation)


async def possible_supporters(db: AsyncConnection) -> list[Registered]:
    """This will list the supporters whom offers may be made to, full ones too."""
    return await _read(db, supporters.c.active)


async def any_room(db: AsyncConnection, *, new_person: int) -> bool:
    """This will say whether any supporter could be asked about one more person, who counts `new_person` tenths."""
    room = supporters.c.held + new_person <= supporters.c.ceiling
    free = select(supporters.c.supporter_id).where(supporters.c.active, room)
    return (await db.execute(free.limit(1))).first() is not None


async def keep(db: AsyncConnection, known: Registered) -> None:
    """This will write down what a supporter told, and leave alone what they hold."""
    row = {
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
    }
    await db.execute(upsert(supporters, keys=["supporter_id"], change=CHANGES).values(row))


async def add_load(db: AsyncConnection, added: Mapping[UUID, int]) -> None:
    """This will add to what supporters hold, or take away, in tenths; the database refuses more than their room."""
    for supporter_id, tenths in sorted(added.items()):
        held = supporters.c.held + tenths
        room = case((held > supporters.c.ceiling, supporters.c.room), else_=supporters.c.ceiling)
        if tenths < 0:
            room = case((held > supporters.c.ceiling, held), else_=supporters.c.ceiling)
        changed = update(supporters).where(supporters.c.supporter_id == supporter_id)
        await db.execute(changed.values(held=held, room=room))


async def count_active(db: AsyncConnection) -> int:
    """This will count the supporters whom offers may be made to."""
    return await db.scalar(select(func.count()).select_from(supporters).where(supporters.c.active)) or 0


async def _read(db: AsyncConnection, wanted: ColumnElement[bool]) -> list[Registered]:
    rows = await db.execute(select(supporters).where(wanted).order_by(supporters.c.supporter_id))
    return [
        Registered(
            supporter_id=row.supporter_id,
            organisation=row.organisation,
            supporter=Supporter.model_validate(row.profile),
            zone=row.zone,
            digest=row.digest,
            exclusions=frozenset(row.exclusions),
            held=row.held,
            ceiling=row.ceiling,
            changed_at=row.changed_at,
        )
        for row in rows
    ]
