"""Which weekly times are offered to the scheduler, and how the two will meet."""

from datetime import datetime

import numpy as np

from services.matching.rules import grid
from services.matching.rules.pairs import hours, local_weekday
from services.matching.rules.people import Candidate, Seeker
from shared.events.fact import Modality
from shared.events.matching import Slot

MOST = 24


def common_slots(seeker: Seeker, candidate: Candidate, *, now: datetime) -> list[Slot]:
    """This will give common weekly times in the person's zone, best first: soon, and one of each day before a second.

    Within a day full hours come before half hours, and those before the other quarters.
    """
    ours = grid.starts(grid.spans(candidate.supporter.windows))
    both = hours(seeker) & grid.shifted(ours, zone=candidate.zone, to=seeker.zone, now=now)
    today = local_weekday(seeker.zone, now)
    ordered = sorted(
        (turn, (weekday - today - 1) % 7, weekday, quarter)
        for weekday in range(7)
        for turn, quarter in enumerate(_by_roundness(both[weekday * grid.DAY : (weekday + 1) * grid.DAY]))
    )
    return [Slot(weekday=weekday, start=_clock_time(quarter)) for _, _, weekday, quarter in ordered[:MOST]]


def _by_roundness(day: grid.Bits) -> list[int]:
    return sorted((int(each) for each in np.flatnonzero(day)), key=lambda each: (_roundness(each), each))


def _roundness(quarter: int) -> int:
    return 0 if quarter % 4 == 0 else 1 if quarter % 2 == 0 else 2


def _clock_time(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * grid.QUARTER:02}"


def way_to_meet(seeker: Seeker, candidate: Candidate) -> Modality:
    """This will choose the first way the person named that both can; in person only at the same site."""
    near = candidate.supporter.site_id == seeker.site_id
    ways = [each for each in seeker.preferences.modalities if each in candidate.supporter.modalities]
    return next((each for each in ways if near or each != "in_person"), "video")
