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
Span = tuple[int, str, str]

ANY_DAY = tuple(Window(weekday=weekday, start="09:00", end="19:00") for weekday in range(7))
"""What is taken for the hours of somebody who did not say: 09:00 to 19:00 on each day."""


def starts(windows: Iterable[Window], minutes: int = MEETING) -> Bits:
    """This will mark the quarter hours of a week at which a meeting of `minutes` can start; read-only.

    A window that does not go forward is none.
    """
    return _starts(tuple((each.weekday, each.start, each.end) for each in windows), minutes)


@lru_cache(maxsize=8192)
def _starts(windows: tuple[Span, ...], minutes: int) -> Bits:
    free = np.zeros(WEEK, dtype=bool)
    for weekday, first, last in windows:
        start, end = _minute(first), 1440 if last == "23:59" else _minute(last)
        free[weekday * DAY + -(-start // QUARTER) : weekday * DAY + max(start, end) // QUARTER] = True
    found = free.copy()
    for later in range(1, -(-minutes // QUARTER)):
        found &= np.roll(free, -later)
    found.flags.writeable = False
    return found


def _minute(clock_time: str) -> int:
    return int(clock_time[:2]) * 60 + int(clock_time[3:])


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
