"""Who was paged, and whether the page got through."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.store.tables import pages
from shared.database import insert_or_ignore
from shared.events.notifications import PageOnCall
from shared.several import among

ADD = insert_or_ignore(pages)
KNOWN = select(pages.c.page_id).where(among(pages.c.page_id, "some"))
WAITING = select(pages).where(pages.c.page_id == bindparam("one"), pages.c.state == "sending")
GOT_THROUGH = select(func.count()).where(among(pages.c.page_id, "some"), pages.c.state == "sent")
CHANGE = update(pages).where(pages.c.page_id == bindparam("one"))


async def add(db: AsyncConnection, wanted: Iterable[PageOnCall], *, at: datetime) -> list[PageOnCall]:
    """This will commit the intent to page people, and give the pages that are new, each once."""
    pages_by_id = {each.page_id: each for each in wanted}
    known = set((await db.scalars(KNOWN, {"some": list(pages_by_id)})).all())
    new = [each for each in pages_by_id.values() if each.page_id not in known]
    if new:
        rows = [{**each.model_dump(), "state": "sending", "raised_at": each.raised_at or at} for each in new]
        await db.execute(ADD, rows)
    return new


async def waiting(db: AsyncConnection, page_id: UUID) -> PageOnCall | None:
    """This will give a page that has not got through yet."""
    row: Row[tuple[object, ...]] | None = (await db.execute(WAITING, {"one": page_id})).first()
    return PageOnCall.model_validate(row, from_attributes=True) if row else None


async def got_through(db: AsyncConnection, some: Iterable[UUID]) -> bool:
    """This will say whether any of some pages got through."""
    return bool(await db.scalar(GOT_THROUGH, {"some": list(some)}))


async def change(db: AsyncConnection, page_id: UUID, *, state: str, attempt: int, at: datetime | None = None) -> None:
    """This will keep what became of a page."""
    await db.execute(CHANGE, {"one": page_id, "state": state, "attempt": attempt, "sent_at": at})
