"""How many of those who left a hospital had a visit within seven days: the measure hospitals are held to (FUH)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from services.referrals.rules.clock import follow_up_ends, in_time
from shared.programme import Site

How = Literal["within_7_days", "later", "waiting", "not_seen"]


@dataclass(frozen=True, kw_only=True)
class Left:
    """Somebody who left a hospital, and when their first visit was kept, if it was."""

    discharged_on: date
    site: Site
    first_kept: datetime | None


def how(left: Left, *, now: datetime) -> How:
    """This will say how a follow-up went; a visit on the day of the discharge, or before it, does not count."""
    if left.first_kept and in_time(left.first_kept, left.discharged_on, left.site):
        return "within_7_days"
    if now < follow_up_ends(left.discharged_on, left.site):
        return "waiting"
    return "later" if left.first_kept else "not_seen"
