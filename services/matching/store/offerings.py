"""What else people can join, and what was offered to those who wait."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.rules.offering import Offering
from services.matching.store.tables import bridges, offerings, referrals
from shared.database import UtcTime, insert_or_ignore, upsert
from shared.neutral import KEPT
from shared.several import among

ALL = select(offerings).order_by(offerings.c.offering_id)
AT = ALL.where(among(offerings.c.site_id, "sites"))
ONE = select(offerings).where(offerings.c.offering_id == bindparam("one"))
KEEP = upsert(offerings, keys=["offering_id"], change=["site_id", "details", "digest", "changed_at"])
BRIDGE = insert_or_ignore(bridges)
BRIDGED = (
    update(referrals).where(among(referrals.c.referral_id, "some")).values(bridged_at=bindparam("at", type_=UtcTime()))
)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An offering as it is known."""

    offering_id: UUID
    organisation: str
    offering: Offering
    digest: str


async def offering(db: AsyncConnection, offering_id: UUID) -> Listed | None:
    """This will find an offering."""
    row = (await db.execute(ONE, {"one": offering_id})).first()
    return _listed(row) if row else None


async def all_offerings(db: AsyncConnection) -> list[Listed]:
    """This will list the offerings of the programme."""
    return [_listed(row) for row in await db.execute(ALL)]


async def offerings_at(db: AsyncConnection, sites: Iterable[str]) -> dict[str, list[Listed]]:
    """This will list the offerings of some sites, by site."""
    found: dict[str, list[Listed]] = {}
    for row in await db.execute(AT, {"sites": sorted(set(sites))}):
        found.setdefault(row.site_id, []).append(_listed(row))
    return found


async def keep(db: AsyncConnection, listed: Listed, *, at: datetime) -> None:
    """This will write down an offering."""
    row = {
        "offering_id": listed.offering_id,
        "organisation": listed.organisation,
        "site_id": listed.offering.site_id,
        "details": listed.offering.model_dump(mode="json"),
        "digest": listed.digest,
        "changed_at": at,
    }
    await db.execute(KEEP, row)


async def bridge(db: AsyncConnection, offered: Mapping[UUID, Sequence[UUID]], *, at: datetime) -> None:
    """This will remember which offerings people who wait were told of, by referral."""
    rows = [
        {"referral_id": referral_id, "offering_id": each, "offered_at": at}
        for referral_id, some in offered.items()
        for each in some
    ]
    if rows:
        await db.execute(BRIDGE, rows)
        await db.execute(BRIDGED, {"some": [each for each, some in offered.items() if some], "at": at})


def _listed(row: Any) -> Listed:
    return Listed(
        offering_id=row.offering_id,
        organisation=row.organisation,
        offering=Offering.model_validate(row.details, context=KEPT),
        digest=row.digest,
    )
