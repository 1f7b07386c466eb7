"""Counts what matching has done, and how long people have waited."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.store import offers, referrals, supporters
from shared.calendar import business_days_between
from shared.clock import now
from shared.programme import Programme


async def figures(db: AsyncConnection, *, programme: Programme) -> dict[str, int]:
    """This will count, from the store alone."""
    at = now()
    waits = [business_days_between(programme.site(site), arrived, at) for site, arrived in await referrals.arrivals(db)]
    return {
        "supporters_active": await supporters.count_active(db),
        **await offers.counts(db),
        "matching_waiting": await referrals.count_waiting(db),
        "referrals_waitlisted_ever": await referrals.count_ever_waitlisted(db),
        "matching_oldest_wait_business_days": max(waits, default=0),
    }
