"""Accounts for every post: refused ones, repeated ones, and the counts of all."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.store.tables import pointers, referrals, refusals, repeats
from shared.database import insert_or_ignore

REFUSE, REPEAT = insert_or_ignore(refusals), insert(repeats)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A post that was refused: `place` and `code` say where and what was wrong, never the value."""

    refusal_id: UUID
    organisation: str
    place: str
    code: str
    at: datetime
    test: bool = False


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """A post of a referral that was known already, and whether it says something else."""

    repeat_id: UUID
    referral_id: UUID
    changed: bool
    at: datetime


async def refuse(db: AsyncConnection, some: Sequence[Refusal]) -> None:
    """This will account for posts that were refused, each once."""
    if some:
        await db.execute(REFUSE, [{**asdict(each), "place": each.place[:200]} for each in some])


async def repeat(db: AsyncConnection, some: Sequence[Repeat]) -> None:
    """This will account for posts that were known already."""
    if some:
        await db.execute(REPEAT, [asdict(each) for each in some])


async def counts(db: AsyncConnection) -> dict[str, int]:
    """This will count referrals by first outcome (`first_...`) and present state (`in_...`), refusals and repeats.

    What came for tests counts apart: `test` is how many referrals there are of that kind. `pointed` is how often
    somebody was pointed to something, `linked` how many of these they followed, `helped` of how many they say so.
    """
    found: dict[str, int] = {}
    for name, column in (("first_", referrals.c.first_outcome), ("in_", referrals.c.state)):
        rows = await db.execute(select(column, func.count()).where(~referrals.c.test).group_by(column))
        found |= {f"{name}{value}": number for value, number in rows}
    tested = select(referrals.c.referral_id).where(referrals.c.test)
    for name, wanted in (
        ("refusals", select(func.count()).select_from(refusals).where(~refusals.c.test)),
        ("repeats", select(func.count()).select_from(repeats).where(repeats.c.referral_id.not_in(tested))),
        ("test", select(func.count()).select_from(referrals).where(referrals.c.test)),
        ("pointed", select(func.count()).select_from(pointers)),
        ("linked", select(func.count()).select_from(pointers).where(pointers.c.linked_at.is_not(None))),
        ("helped", select(func.count()).select_from(pointers).where(pointers.c.said == "helped")),
    ):
        found[name] = await db.scalar(wanted) or 0
    return found
