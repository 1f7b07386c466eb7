"""Whether somebody is paged about danger: told by the last danger sign of a site that should have been by now."""

from datetime import datetime

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.store.tables import referrals

HEARD = or_(referrals.c.paged_at.is_not(None), referrals.c.acknowledged_at.is_not(None))
LAST = (
    select(HEARD.label("heard"))
    .where(
        referrals.c.site_id == bindparam("site"),
        ~referrals.c.test,
        referrals.c.crisis_at.is_not(None),
        or_(HEARD, referrals.c.crisis_at <= bindparam("before")),
    )
    .order_by(referrals.c.crisis_at.desc())
    .limit(1)
)
UNHEARD = select(func.count()).where(
    referrals.c.crisis_at.is_not(None), ~referrals.c.test, ~HEARD, referrals.c.crisis_at <= bindparam("before")
)


async def nobody_is_paged(db: AsyncConnection, site_id: str, *, before: datetime) -> bool:
    """This will say whether nobody was paged about the last danger sign of a site that was raised by `before`."""
    return (await db.scalar(LAST, {"site": site_id, "before": before})) is False


async def unheard(db: AsyncConnection, *, before: datetime) -> int:
    """This will count the referrals in danger since `before` or earlier that nobody was paged about or took up."""
    return int(await db.scalar(UNHEARD, {"before": before}) or 0)
