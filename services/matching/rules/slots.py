"""Which weekly times are offered to the scheduler, and how the two will meet."""

from datetime import datetime
from functools import cache
from itertools import zip_longest

import numpy as np

from services.matching.rules import grid
from services.matching.rules.pairs import hours, local_weekday
from services.matching.rules.people import Candidate, Seeker
from shared.events.fact import Modality
from shared.events.matching import Slot

MOST = 24
ROUND_FIRST = np.array([*range(0, grid.DAY, 4), *range(2, grid.DAY, 4), *range(1, grid.DAY, 2)])
"""The quarter hours of a day: full hours, half hours, then the others."""


def common_slots(seeker: Seeker, candidate: Candidate, *, now: datetime) -> list[Slot]:
    """This will give common weekly times in the person's zone, best first: soon, and one of each day before a second.

    Within a day full hours come before half hours, and those before the other quarters.
    """
    ours = grid.starts(candidate.supporter.windows)
    both = hours(seeker) & grid.shifted(ours, zone=candidate.zone, to=seeker.zone, now=now)
    week, tomorrow = both.reshape(7, grid.DAY)[:, ROUND_FIRST], local_weekday(seeker.zone, now) + 1
    days = [(tomorrow + ahead) % 7 for ahead in range(7)]
    turns = zip_longest(*(ROUND_FIRST[week[day]][:MOST] for day in days))
    found = [_slot(day, int(each)) for turn in turns for day, each in zip(days, turn, strict=True) if each is not None]
    return found[:MOST]


@cache
def _slot(weekday: int, quarter: int) -> Slot:
    return Slot(weekday=weekday, start=f"{quarter // 4:02}:{quarter % 4 * grid.QUARTER:02}")


def way_to_meet(seeker: Seeker, candidate: Candidate) -> Modality:
    """This will choose the first way the person named that both can; in person only at the same site."""
    near = candidate.supporter.site_id == seeker.site_id
    ways = [each for each in seeker.preferences.modalities if each in candidate.supporter.modalities]
    return next((each for each in ways if near or each != "in_person"), "video")
