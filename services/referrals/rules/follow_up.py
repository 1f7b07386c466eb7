"""How many of those who left a hospital had a visit within seven days: the measure hospitals are held to (FUH)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from services.referrals.rules.clock import follow_up_ends, in_time
from shared.programme import Site

How = Literal["within_7_days", "later", "waiting", "not_seen"]


@dataclass(frozen=True, kw_only=True)
class Left:
    """Somebody who left a hospital, and when visits were kept, before it and after."""

    discharged_on: date
    site: Site
    kept: Sequence[datetime]


def how(left: Left, *, now: datetime) -> How:
    """This will say how a follow-up went; a visit on the day of the discharge, or before it, does not count."""
    if any(in_time(each, left.discharged_on, left.site) for each in left.kept):
        return "within_7_days"
    ends = follow_up_ends(left.discharged_on, left.site)
    if now < ends:
        return "waiting"
    return "later" if any(ends <= each for each in left.kept) else "not_seen"
