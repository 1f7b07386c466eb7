"""Accounts for every post: refused ones, repeated ones, and the counts of all."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.store.tables import referrals, refusals, repeats
from shared.database import insert_or_ignore


async def refuse(
    db: AsyncConnection, *, refusal_id: UUID, organisation: str, place: str, code: str, at: datetime
) -> None:
    """This will account for a post that was refused, once; it keeps where and what, never the value."""
    row = {"refusal_id": refusal_id, "organisation": organisation, "place": place[:200], "code": code, "at": at}
    await db.execute(insert_or_ignore(refusals).values(**row))


async def repeat(db: AsyncConnection, *, repeat_id: UUID, referral_id: UUID, changed: bool, at: datetime) -> None:
    """This will account for a post that was known already."""
    row = {"repeat_id": repeat_id, "referral_id": referral_id, "changed": changed, "at": at}
    await db.execute(insert(repeats).values(**row))


async def counts(db: AsyncConnection) -> dict[str, int]:
    """This will count referrals by first outcome (`first_...`) and present state (`in_...`), refusals and repeats."""
    found: dict[str, int] = {}
    for name, column in (("first_", referrals.c.first_outcome), ("in_", referrals.c.state)):
        rows = await db.execute(select(column, func.count()).group_by(column))
        found |= {f"{name}{value}": number for value, number in rows}
    for name, table in (("refusals", refusals), ("repeats", repeats)):
        found[name] = await db.scalar(select(func.count()).select_from(table)) or 0
    return found
