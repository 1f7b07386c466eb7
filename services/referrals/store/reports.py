"""What was told without a consent, and by whom: written once, and never changed."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.reports import Report
from services.referrals.store.tables import reports
from shared.database import insert_or_ignore
from shared.several import among

KEEP = insert_or_ignore(reports)
OF_PEOPLE = select(reports).where(among(reports.c.person_id, "people")).order_by(reports.c.at, reports.c.report_id)


async def report(db: AsyncConnection, told: Report) -> None:
    """This will keep what was told; the same twice is kept once."""
    await db.execute(KEEP, [asdict(told)])


async def reports_of(db: AsyncConnection, people: Sequence[UUID]) -> list[Report]:
    """This will list what was told without a consent of somebody who is known by these ids, the first first."""
    return [Report(**row) for row in (await db.execute(OF_PEOPLE, {"people": list(people)})).mappings()]
