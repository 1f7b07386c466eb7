"""When somebody may be in danger: no machine writes to them, and a person is paged."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules.providers import Answer
from services.notifications.store import pages, people
from shared.clock import now
from shared.events.notifications import PageFellDue, PageOnCall
from shared.events.referrals import CrisisRaised, RiskCleared
from shared.mailbox import Errand, Later, Said
from shared.work import ON_CALL, open_task

ATTEMPTS = 5
PAUSE = timedelta(minutes=1)


async def hold(crises: list[CrisisRaised], db: AsyncConnection) -> list[Said]:
    """This will stop messages to people in crisis, and page the on-call person of each site."""
    await people.hold(db, crises)
    return await _raise(db, [_page(_moment(each), each.site_id, each.referral_id) for each in crises])


def _moment(crisis: CrisisRaised) -> UUID:
    return uuid5(crisis.referral_id, crisis.raised_at.isoformat())


async def release(cleared: list[RiskCleared], db: AsyncConnection) -> None:
    """This will let messages go to people whose risk somebody looked at."""
    await people.release(db, cleared)


async def raise_page(db: AsyncConnection, *, about: UUID, site_id: str, referral_id: UUID | None) -> list[Said]:
    """This will commit the intent to page, once for each thing it is about."""
    return await _raise(db, [_page(about, site_id, referral_id)])


async def _raise(db: AsyncConnection, wanted: list[PageOnCall]) -> list[Said]:
    return [_errand(each) for each in await pages.add(db, wanted, at=now())]


def _page(about: UUID, site_id: str, referral_id: UUID | None) -> PageOnCall:
    return PageOnCall(page_id=uuid5(about, "page"), site_id=site_id, referral_id=referral_id, attempt=1)


async def page_again(rung: PageFellDue, db: AsyncConnection) -> list[Said]:
    """This will try a page again that has not got through."""
    page = await pages.waiting(db, rung.page_id)
    if page is None:
        return []
    again = page.model_copy(update={"attempt": page.attempt + 1})
    await pages.change(db, page.page_id, state="sending", attempt=again.attempt)
    return [_errand(again)]


async def record_page(errand: PageOnCall, result: Any, db: AsyncConnection) -> list[Said]:
    """This will keep whether a page got through; after five tries a task says that nobody was reached."""
    if isinstance(result, Answer) and result.outcome == "accepted":
        await pages.change(db, errand.page_id, state="sent", attempt=errand.attempt, at=now())
        return []
    if errand.attempt < ATTEMPTS:
        again = PageFellDue(page_id=errand.page_id)
        return [Later(again, due=now() + PAUSE, key=f"page {errand.page_id} {errand.attempt}")]
    await pages.change(db, errand.page_id, state="failed", attempt=errand.attempt)
    about = str(errand.referral_id or errand.page_id)
    await open_task(db, kind="page_failed", about=about, owner=ON_CALL, due=now())
    return []


def _errand(page: PageOnCall) -> Errand:
    return Errand(page, key=f"page {page.page_id} {page.attempt}")
