"""Minutes to units: the 8-minute rule and the ways payers differ from it (the CMS table of 15-minute codes)."""

from collections.abc import Callable
from itertools import accumulate, pairwise

QUARTER = 15
TAXONOMY = "175T00000X"
"""NUCC's Peer Specialist."""


def cms8(minutes: int) -> int:
    """This will count a unit from its eighth minute on: 8-22 is one, 23-37 two."""
    return (minutes + 7) // QUARTER


def floor15(minutes: int) -> int:
    """This will count only whole quarters of an hour."""
    return minutes // QUARTER


ROUNDINGS: dict[str, tuple[Callable[[int], int], bool]] = {
    "cms8_daily": (cms8, True),
    "cms8_per_session": (cms8, False),
    "floor15_daily": (floor15, True),
    "floor15_per_session": (floor15, False),
}
"""A payer's rounding: how minutes become units, and whether those of a day are added up first."""


def shares(minutes: list[int], *, rounding: str) -> list[int]:
    """This will give the units of each contact of one day and code, in order; daily roundings share the day's total."""
    count, daily = ROUNDINGS[rounding]
    if not daily:
        return [count(each) for each in minutes]
    return [count(after) - count(before) for before, after in pairwise(accumulate(minutes, initial=0))]
