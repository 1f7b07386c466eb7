"""Weekly windows as bits: a week of quarter hours, and where in it a meeting can start."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from shared.events.referrals import Window

QUARTER = 15
DAY = 24 * 60 // QUARTER
WEEK = 7 * DAY
MEETING = 60
Bits = NDArray[np.bool_]
Span = tuple[int, int, int]

ANY_DAY = tuple((weekday, 9 * 60, 19 * 60) for weekday in range(7))
"""What is taken for the hours of somebody who did not say: 09:00 to 19:00 on each day."""


def spans(windows: Iterable[Window]) -> tuple[Span, ...]:
    """This will give windows as (weekday, first minute, last minute); a window that does not go forward is none."""
    found = ((each.weekday, _minute(each.start), _minute(each.end)) for each in windows)
    return tuple((day, start, 1440 if end == 1439 else end) for day, start, end in found if end > start)


def _minute(clock_time: str) -> int:
    return int(clock_time[:2]) * 60 + int(clock_time[3:])


@lru_cache(maxsize=8192)
def starts(windows: tuple[Span, ...], minutes: int = MEETING) -> Bits:
    """This will mark the quarter hours of a week at which a meeting of `minutes` can start; read-only."""
    free = np.zeros(WEEK, dtype=bool)
    for weekday, start, end in windows:
        free[weekday * DAY + -(-start // QUARTER) : weekday * DAY + end // QUARTER] = True
    found = free.copy()
    for later in range(1, -(-minutes // QUARTER)):
        found &= np.roll(free, -later)
    found.flags.writeable = False
    return found


def shifted(found: Bits, *, zone: str, to: str, now: datetime, weeks: int = 4) -> Bits:
    """This will give the starts in another zone's week that hold for each of the next `weeks` occurrences."""
    if zone == to:
        return found
    common = np.ones(found.shape, dtype=bool)
    for quarters in _differences(zone, to, now.astimezone(UTC).date().isoformat(), weeks):
        common &= np.roll(found, quarters, axis=-1)
    return common


@lru_cache(maxsize=4096)
def _differences(zone: str, to: str, day: str, weeks: int) -> tuple[int, ...]:
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    found = set()
    for days in range(weeks * 7 + 7):
        at = noon + timedelta(days=days)
        ahead = (at.astimezone(ZoneInfo(to)).utcoffset() or timedelta()) - (
            at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
        )
        found.add(round(ahead.total_seconds() / 60 / QUARTER))
    return tuple(sorted(found))
