"""Who was paged, and whether the page got through."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.store.tables import pages
from shared.database import insert_or_ignore
from shared.events.notifications import PageOnCall


async def add(db: AsyncConnection, page: PageOnCall, *, at: datetime) -> bool:
    """This will commit the intent to page somebody, and say whether it is new."""
    row = page.model_dump(include={"page_id", "site_id", "referral_id", "attempt"})
    return bool((await db.execute(insert_or_ignore(pages).values(**row, state="sending", raised_at=at))).rowcount)


async def waiting(db: AsyncConnection, page_id: UUID) -> PageOnCall | None:
    """This will give a page that has not got through yet."""
    wanted = select(pages).where(pages.c.page_id == page_id, pages.c.state == "sending")
    row: Row[tuple[object, ...]] | None = (await db.execute(wanted)).first()
    return PageOnCall.model_validate(row, from_attributes=True) if row else None


async def change(db: AsyncConnection, page_id: UUID, *, state: str, attempt: int, at: datetime | None = None) -> None:
    """This will keep what became of a page."""
    changed = update(pages).where(pages.c.page_id == page_id).values(state=state, attempt=attempt, sent_at=at)
    await db.execute(changed)
