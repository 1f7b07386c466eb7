"""The directory: what the programme's own people put there beside what was shipped, and what they ended."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.directory import Entry, Listed
from services.referrals.rules.directory import directory as whole
from services.referrals.store.tables import directory
from shared.database import upsert
from shared.neutral import KEPT

ALL = select(directory)
KEEP = upsert(directory, keys=["entry_id"], change=["details", "kept_by", "changed_at", "ended_at"])


async def directory_of(db: AsyncConnection, shipped: Mapping[UUID, Entry]) -> dict[UUID, Listed]:
    """This will give every entry by its id, those that ended too."""
    kept = {
        row["entry_id"]: Listed(
            entry_id=row["entry_id"],
            entry=Entry.model_validate(row["details"], context=KEPT),
            kept_by=row["kept_by"],
            ended_at=row["ended_at"],
        )
        for row in (await db.execute(ALL)).mappings()
    }
    return whole(shipped, kept)


async def list_entry(db: AsyncConnection, listed: Listed, *, at: datetime) -> None:
    """This will keep an entry as the programme's people want it."""
    row = {
        "entry_id": listed.entry_id,
        "details": listed.entry.model_dump(mode="json"),
        "kept_by": listed.kept_by,
        "changed_at": at,
        "ended_at": listed.ended_at,
    }
    await db.execute(KEEP, row)
