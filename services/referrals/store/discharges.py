"""Whom an organisation referred of those who left a hospital."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.store.tables import referrals

COLUMNS = ("referral_id", "person_id", "organisation", "site_id", "part2", "discharged_on", "last_kept_at")


@dataclass(frozen=True, kw_only=True)
class Discharged:
    """A referral of somebody who left a hospital, on which day, and when the last visit was kept, if any was."""

    referral_id: UUID
    person_id: UUID
    organisation: str
    site_id: str
    part2: bool
    discharged_on: date
    last_kept_at: datetime | None


async def discharged(db: AsyncConnection, organisation: str, first: date, last: date) -> list[Discharged]:
    """This will list an organisation's referrals of people discharged from one day to another.

    What was refused, and what came for tests, is left out.
    """
    wanted = select(*(referrals.c[each] for each in COLUMNS)).where(
        referrals.c.organisation == organisation,
        referrals.c.discharged_on >= first,
        referrals.c.discharged_on <= last,
        referrals.c.state != "refused",
        ~referrals.c.test,
    )
    return [Discharged(**row) for row in (await db.execute(wanted)).mappings()]
