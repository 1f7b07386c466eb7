"""Pointers: who was pointed to what, by which link of ours they follow it, and what they say of it."""

import base64
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.pointing import Said, Status
from services.referrals.store.tables import pointers
from shared.database import UtcTime, insert_or_ignore
from shared.sealed import lookup

WAY = re.compile(r"[A-Za-z0-9_-]{43}")
POINT = insert_or_ignore(pointers)
OF_REFERRAL = (
    select(pointers)
    .where(pointers.c.referral_id == bindparam("one"))
    .order_by(pointers.c.pointed_at, pointers.c.pointer_id)
)
AT = bindparam("at", type_=UtcTime())
BY_WAY = select(pointers).where(pointers.c.way == bindparam("found"))
GO = (
    update(pointers)
    .where(pointers.c.pointer_id == bindparam("one"))
    .values(linked_at=func.coalesce(pointers.c.linked_at, AT), followed=pointers.c.followed + 1)
)
RENEW = update(pointers).where(pointers.c.pointer_id == bindparam("one")).values(pointed_at=AT)
SAY = (
    update(pointers)
    .where(pointers.c.pointer_id == bindparam("one"))
    .values(
        said=bindparam("word"),
        said_at=AT,
        linked_at=case((bindparam("helped"), func.coalesce(pointers.c.linked_at, AT)), else_=pointers.c.linked_at),
    )
)


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """One person pointed to one entry, in one referral."""

    referral_id: UUID
    entry_id: UUID
    by: str
    pointed_at: datetime
    linked_at: datetime | None = None
    followed: int = 0
    said: Said | None = None

    @property
    def pointer_id(self) -> UUID:
        """This will identify the pointer, without telling the entry to whoever has no key."""
        return UUID(lookup("pointer", str(self.referral_id), str(self.entry_id))[:32])

    @property
    def status(self) -> Status:
        """This will say what came of it."""
        return "linked" if self.linked_at else "pointed"

    @property
    def way(self) -> str:
        """This will give the end of the link by which it is followed: 256 bits that say nothing of anybody."""
        drawn = bytes.fromhex(lookup("way of a pointer", str(self.pointer_id)))
        return base64.urlsafe_b64encode(drawn).decode().rstrip("=")

    def works_until(self, days: int) -> datetime:
        """This will say how long the link works."""
        return self.pointed_at + timedelta(days=days)


async def point(db: AsyncConnection, pointer: Pointer) -> bool:
    """This will keep a pointer, once, and say whether it is new; else its link works anew from now on."""
    row = {
        "pointer_id": pointer.pointer_id,
        "referral_id": pointer.referral_id,
        "way": _print(pointer.way),
        "entry": str(pointer.entry_id),
        "by": pointer.by,
        "pointed_at": pointer.pointed_at,
    }
    is_new = (await db.execute(POINT, row)).rowcount == 1
    if not is_new:
        await db.execute(RENEW, {"one": pointer.pointer_id, "at": pointer.pointed_at})
    return is_new


async def pointers_of(db: AsyncConnection, referral_id: UUID) -> list[Pointer]:
    """This will list what somebody was pointed to in a referral, the first first."""
    return [_pointer(row) for row in (await db.execute(OF_REFERRAL, {"one": referral_id})).mappings()]


async def pointer_by_way(db: AsyncConnection, way: str) -> Pointer | None:
    """This will find a pointer by the end of its link; None for what is none of ours."""
    if not WAY.fullmatch(way):
        return None
    row = (await db.execute(BY_WAY, {"found": _print(way)})).mappings().first()
    return _pointer(row) if row else None


async def count_followed(db: AsyncConnection, pointer: Pointer, *, at: datetime) -> None:
    """This will count that somebody followed a link."""
    await db.execute(GO, {"one": pointer.pointer_id, "at": at})


async def say(db: AsyncConnection, pointer: Pointer, said: Said, *, at: datetime) -> None:
    """This will keep what somebody says of what they were pointed to; the last word counts."""
    await db.execute(SAY, {"one": pointer.pointer_id, "word": said, "helped": said == "helped", "at": at})


def _print(way: str) -> str:
    return lookup("number of a way", way)


def _pointer(row: Any) -> Pointer:
    return Pointer(
        referral_id=row["referral_id"],
        entry_id=UUID(row["entry"]),
        by=row["by"],
        pointed_at=row["pointed_at"],
        linked_at=row["linked_at"],
        followed=row["followed"],
        said=row["said"],
    )
