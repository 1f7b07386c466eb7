"""Which authorisation a service line counts on: a line names one, so units above what it has left are not covered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from shared.events.fact import Units


@dataclass(frozen=True, kw_only=True)
class Authorisation:
    """A payer's yes to `units` (None: without limit) of a service `code` (None: any), on days that are inclusive.

    One that was denied or cancelled does not count (`counts`), and stands in the way of the same number told otherwise.
    """

    number: str
    units: Units | None = None
    code: str | None = None
    first: date | None = None
    last: date | None = None
    counts: bool = True

    def is_for(self, code: str | None) -> bool:
        """This will say whether it is a yes to a service; a line whose service nobody knows takes any."""
        return self.counts and (code is None or self.code is None or self.code == code)

    def in_force(self, day: date) -> bool:
        """This will say whether a day is one of its days."""
        return (self.first is None or self.first <= day) and not self.ended(day)

    def ended(self, day: date) -> bool:
        """This will say whether its last day was before a day."""
        return self.last is not None and self.last < day


def choose(
    known: list[Authorisation], code: str | None, day: date, left: Callable[[Authorisation], Units | None]
) -> Authorisation | None:
    """This will choose, among those in force, the one that ends first of those with units left (None: any number).

    Where all are used up it is the one that ends last; None where none is in force.
    """
    in_force = (each for each in known if each.is_for(code) and each.in_force(day))
    possible = sorted(in_force, key=lambda each: each.last or date.max)
    return next((each for each in possible if left(each) != 0), possible[-1] if possible else None)


def lacking(known: list[Authorisation], code: str | None, day: date) -> str:
    """This will name the reason where none is in force: there was one, and it is over, or there is none."""
    return "AUTH_EXPIRED" if any(each.is_for(code) and each.ended(day) for each in known) else "NO_AUTH"
