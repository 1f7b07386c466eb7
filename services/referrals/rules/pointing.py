"""Who may be pointed to what, and what a pointer comes to: pointed, then linked; never attended, never covered."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.referrals.rules.directory import Listed
from services.referrals.rules.journey import TAKEN_BACK, OrderStatus
from services.referrals.rules.triage import age_band

Said = Literal["helped", "not_for_me"]
"""What somebody may say of it for themselves, if they want to."""

Status = Literal["pointed", "linked"]
"""`linked` is who went by our link, or says that it helped; whether they went in, nobody asks."""

Unfit = Literal["ended", "taken_back", "in_danger", "age"]


@dataclass(frozen=True, kw_only=True)
class Whom:
    """What counts of somebody who is to be pointed to something."""

    status: OrderStatus
    in_danger: bool
    birth_date: date | None


def unfit(listed: Listed, whom: Whom, *, today: date) -> Unfit | None:
    """This will say why somebody may not be pointed to an entry, or None where they may.

    Who may be in danger is pointed to a crisis line only: nothing else is an answer to danger.
    """
    if listed.ended_at:
        return "ended"
    if whom.status in TAKEN_BACK:
        return "taken_back"
    if whom.in_danger and listed.entry.kind != "crisis_line":
        return "in_danger"
    if whom.birth_date and age_band(whom.birth_date, today) not in listed.entry.ages:
        return "age"
    return None
