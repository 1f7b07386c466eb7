"""When somebody may be in danger: no machine writes to them, and people are paged until one takes it in hand."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules.providers import Answer
from services.notifications.store import pages, people
from shared.clock import now
from shared.events.notifications import OnCallPaged, PageFellDue, PageOnCall, PageUnanswered
from shared.events.referrals import CrisisAcknowledged, CrisisRaised, RiskCleared
from shared.mailbox import Errand, Later, Said
from shared.work import ON_CALL, open_task, still_open

ATTEMPTS = 5
PAUSE = timedelta(minutes=1)
STEPS = 3
"""The on-call person, the second, the manager."""
ANSWERED_WITHIN = timedelta(minutes=5)
TRIED_AGAIN = timedelta(minutes=15)
"""How often the last is paged after that, as long as no page got through to anybody."""
ASKED = ("danger_reply", "danger_from_unknown_number")


async def hold(crises: list[CrisisRaised], db: AsyncConnection) -> list[Said]:
    """This will stop messages to people in crisis, and page the on-call person of each site."""
    await people.hold(db, crises)
    return await _page(db, [_sign(each) for each in crises])


def _sign(crisis: CrisisRaised) -> PageUnanswered:
    return PageUnanswered(
        about=uuid5(crisis.referral_id, crisis.raised_at.isoformat()),
        site_id=crisis.site_id,
        referral_id=crisis.referral_id,
        raised_at=crisis.raised_at,
        step=1,
    )


async def release(cleared: list[RiskCleared], db: AsyncConnection) -> None:
    """This will let messages go to people whose risk somebody looked at."""
    await people.release(db, cleared)


async def stand_down(acknowledged: list[CrisisAcknowledged], db: AsyncConnection) -> None:
    """This will page nobody else about danger signs that somebody took in hand."""
    await people.take_in_hand(db, acknowledged)


async def raise_page(db: AsyncConnection, *, about: UUID, site_id: str) -> list[Said]:
    """This will commit the intent to page about what somebody wrote, once for each thing it is about."""
    return await _page(db, [PageUnanswered(about=about, site_id=site_id, step=1)])


async def escalate(rung: PageUnanswered, db: AsyncConnection) -> list[Said]:
    """This will page who is next, unless somebody took it in hand, or all were paged and one page got through."""
    if await _in_hand(db, rung):
        return []
    paged = [_page_id(rung.about, each) for each in range(1, rung.step + 1)]
    if rung.step >= STEPS and await pages.got_through(db, paged):
        return []
    return await _page(db, [rung.model_copy(update={"step": rung.step + 1})])


async def _in_hand(db: AsyncConnection, rung: PageUnanswered) -> bool:
    if rung.referral_id is None:
        return not any([await still_open(db, kind=kind, abouts=[str(rung.about)]) for kind in ASKED])
    last = await people.last_raised(db, rung.referral_id)
    return last is None or last.in_hand


async def _page(db: AsyncConnection, steps: list[PageUnanswered]) -> list[Said]:
    """This will commit the intent to page, each step once, and to look in five minutes whether anybody answered."""
    wanted = {_page_id(each.about, each.step): each for each in steps}
    added = await pages.add(db, [_page_of(*each) for each in wanted.items()], at=now())
    said: list[Said] = [_errand(each) for each in added]
    return [*said, *(_look_again(wanted[each.page_id]) for each in added)]


def _look_again(step: PageUnanswered) -> Later:
    pause = ANSWERED_WITHIN if step.step < STEPS else TRIED_AGAIN
    return Later(step, due=now() + pause, key=f"unanswered {step.about} {step.step}")


def _page_id(about: UUID, step: int) -> UUID:
    return uuid5(about, "page" if step == 1 else f"page {step}")


def _page_of(page_id: UUID, step: PageUnanswered) -> PageOnCall:
    told = step.model_dump(include={"site_id", "referral_id", "raised_at", "step"})
    return PageOnCall(page_id=page_id, attempt=1, **told)


async def page_again(rung: PageFellDue, db: AsyncConnection) -> list[Said]:
    """This will try a page again that has not got through, unless somebody took in hand what it is about."""
    page = await pages.waiting(db, rung.page_id)
    if page is None:
        return []
    last = await people.last_raised(db, page.referral_id) if page.referral_id else None
    if last and last.in_hand:
        await pages.change(db, page.page_id, state="over", attempt=page.attempt)
        return []
    again = page.model_copy(update={"attempt": page.attempt + 1})
    await pages.change(db, page.page_id, state="sending", attempt=again.attempt)
    return [_errand(again)]


async def record_page(errand: PageOnCall, result: Any, db: AsyncConnection) -> list[Said]:
    """This will keep whether a page got through; after five tries a task says that nobody was reached."""
    if isinstance(result, Answer) and result.outcome == "accepted":
        await pages.change(db, errand.page_id, state="sent", attempt=errand.attempt, at=now())
        return await _paged(db, errand)
    if errand.attempt < ATTEMPTS:
        again = PageFellDue(page_id=errand.page_id)
        return [Later(again, due=now() + PAUSE, key=f"page {errand.page_id} {errand.attempt}")]
    await pages.change(db, errand.page_id, state="failed", attempt=errand.attempt)
    about = str(errand.referral_id or errand.page_id)
    await open_task(db, kind="page_failed", about=about, owner=ON_CALL, due=now())
    return []


async def _paged(db: AsyncConnection, page: PageOnCall) -> list[Said]:
    """This will say that somebody was paged about a danger sign of a referral."""
    last = await people.last_raised(db, page.referral_id) if page.referral_id else None
    if page.referral_id is None or last is None:
        return []
    return [
        OnCallPaged(
            page_id=page.page_id,
            person_id=last.person_id,
            referral_id=page.referral_id,
            raised_at=page.raised_at or last.raised_at,
            paged_at=now(),
        )
    ]


def _errand(page: PageOnCall) -> Errand:
    return Errand(page, key=f"page {page.page_id} {page.attempt}")
