"""Who is taken when: nobody sits in two meetings at once."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

Times = tuple[datetime, datetime]
"""From an instant up to, and without, another."""


class Taken:
    """The times of people and supporters, as they fill while one after another is given theirs."""

    def __init__(self, known: Iterable[tuple[UUID, datetime, datetime]] = ()) -> None:
        self._times: dict[UUID, list[Times]] = {}
        for who, starts_at, ends_at in known:
            self._times.setdefault(who, []).append((starts_at, ends_at))
        for mine in self._times.values():
            mine.sort()

    def has_room(self, who: Iterable[UUID], wanted: Sequence[Times]) -> bool:
        """This will say whether all of them are free at all of these times."""
        return all(self._is_free(each, times) for each in who for times in wanted)

    def take(self, who: Iterable[UUID], wanted: Sequence[Times]) -> None:
        """This will give these times, which are free, to all of them."""
        for each in who:
            for times in wanted:
                insort(self._times.setdefault(each, []), times)

    def _is_free(self, who: UUID, times: Times) -> bool:
        """This will look at the last meeting that begins before the end: those before it are over even sooner."""
        starts_at, ends_at = times
        mine = self._times.get(who, [])
        before = bisect_left(mine, (ends_at, ends_at))
        return before == 0 or mine[before - 1][1] <= starts_at
