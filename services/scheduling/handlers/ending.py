"""How a series ends."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.handlers.booking import FIND_A_TIME, NoSuchSeries, alone_with
from services.scheduling.rules import outcomes as rules
from services.scheduling.rules.outcomes import Seat
from services.scheduling.store import meetings as store
from services.scheduling.store.meetings import Series
from shared.clock import now
from shared.events.scheduling import SeriesEnded
from shared.mailbox import Reply, Said
from shared.work import close_task


@dataclass(frozen=True, kw_only=True)
class GivingUp:
    """No time was found for a series, as a named person says."""

    series_id: UUID
    by: str


class HasTimes(Exception):
    """The series has sessions, or is over: it ends by itself."""


async def give_up(given: GivingUp, db: AsyncConnection) -> Reply:
    """This will end a series for which no time was found, and so free its supporter; NoSuchSeries or HasTimes."""
    series = await store.series_of(db, given.series_id)
    if series is None:
        raise NoSuchSeries
    # Somebody may find a time in the same moment.
    await alone_with(db, people=[series.person_id], supporters=[series.supporter_id] if series.supporter_id else [])
    ended = await store.end(db, [given.series_id], state="unbooked")
    if not ended:
        raise HasTimes
    await close_task(db, kind=FIND_A_TIME, about=str(given.series_id), by=given.by)
    return Reply(None, said=[_ended(each, dict.fromkeys(("held", "missed", "cancelled"), 0)) for each in ended])


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
