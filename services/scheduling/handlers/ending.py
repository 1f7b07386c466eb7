"""How a series ends."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules import outcomes as rules
from services.scheduling.rules.outcomes import Seat
from services.scheduling.store import meetings as store
from services.scheduling.store.meetings import Series
from shared.clock import now
from shared.events.scheduling import SeriesEnded
from shared.mailbox import Said


async def end_those_over(db: AsyncConnection, some: Iterable[Sequence[Seat]]) -> list[Said]:
    """This will say once of each series that it ended, when its last session is recorded, cancelled or long over."""
    counted = {series[0].series_id: rules.tally(series, now=now()) for series in some if series}
    over = {series_id: counts for series_id, counts in counted.items() if counts is not None}
    if not over:
        return []
    return [_ended(each, over[each.series_id]) for each in await store.end(db, over)]


def _ended(series: Series, counts: Mapping[str, int]) -> SeriesEnded:
    return SeriesEnded(
        series_id=series.series_id,
        match_id=series.match_id,
        referral_id=series.referral_id,
        person_id=series.person_id,
        supporter_id=series.supporter_id,
        kept=counts["held"],
        missed=counts["missed"],
        cancelled=counts["cancelled"],
    )
