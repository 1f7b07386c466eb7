"""Who is taken when: nobody sits in two meetings at once."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

Times = tuple[datetime, datetime]
"""From an instant up to, and without, another."""


class Taken:
    """The times of people and supporters, as they fill while one after another is given theirs.

    `linked` gives, of people who are one human being, everybody: the times of one are taken for all of them.
    """

    def __init__(
        self,
        known: Iterable[tuple[UUID, datetime, datetime]] = (),
        linked: Mapping[UUID, Iterable[UUID]] = MappingProxyType({}),
    ) -> None:
        self._stands = {each: min(group) for group in linked.values() for each in group}
        self._times: dict[UUID, list[Times]] = {}
        for who, starts_at, ends_at in known:
            self._of(who).append((starts_at, ends_at))
        self._times = {who: _joined(mine) for who, mine in self._times.items()}

    def has_room(self, who: Iterable[UUID], wanted: Sequence[Times]) -> bool:
        """This will say whether all of them are free at all of these times."""
        return all(self._is_free(each, times) for each in who for times in wanted)

    def take(self, who: Iterable[UUID], wanted: Sequence[Times]) -> None:
        """This will give these times, which are free, to all of them."""
        for each in who:
            for times in wanted:
                insort(self._of(each), times)

    def _of(self, who: UUID) -> list[Times]:
        return self._times.setdefault(self._stands.get(who, who), [])

    def _is_free(self, who: UUID, times: Times) -> bool:
        """This will look at the last meeting that begins before the end: those before it are over even sooner."""
        starts_at, ends_at = times
        mine = self._of(who)
        before = bisect_left(mine, (ends_at, ends_at))
        return before == 0 or mine[before - 1][1] <= starts_at


def _joined(times: list[Times]) -> list[Times]:
    """This will put times in order, and join those that overlap: people may have been linked after both were booked."""
    found: list[Times] = []
    for starts_at, ends_at in sorted(times):
        if found and starts_at < found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], ends_at)
        else:
            found.append((starts_at, ends_at))
    return found
