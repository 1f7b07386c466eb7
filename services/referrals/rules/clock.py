"""Who must act next for a referral, and by when: every open one has an owner and a clock."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from services.referrals.rules.journey import OVER, State
from services.referrals.rules.triage import AFTER_DISCHARGE, PHONE_WITHIN
from shared.calendar import add_business_days, day_at, local
from shared.events.fact import Urgency
from shared.programme import Site

Step = Literal["answer", "phone", "screen", "ask", "match", "book", "meet", "go_on", "close"]
"""What must be done next: answer a page, phone about danger, ask about the risk or for what is missing, find a
supporter, book the first visit, hold it, go on with the visits, or say why there were none."""
Owner = Literal["on-call", "intake", "matching", "scheduling", "supporter"]

OWNERS: dict[Step, Owner] = {
    "answer": "on-call", "phone": "on-call", "screen": "intake", "ask": "intake", "match": "matching",
    "book": "scheduling", "meet": "supporter", "go_on": "supporter", "close": "intake",
}  # fmt: skip
ROLES: dict[Owner, str] = {
    "on-call": "the on-call person",
    "intake": "the referrals desk",
    "matching": "matching",
    "scheduling": "scheduling",
    "supporter": "the supporter",
}
"""The owners, as people outside read them."""

STEPS: dict[State, Step] = {
    "needs_screen": "screen", "needs_info": "ask", "accepted": "match", "waitlisted": "match", "offered": "match",
    "matched": "book", "first_scheduled": "meet", "engaged": "go_on", "lapsed": "close",
}  # fmt: skip
OF_DANGER: tuple[Step, ...] = ("answer", "phone")
UNTIL_SEEN: tuple[Step, ...] = ("match", "book", "meet", "go_on")
"""Steps that a discharge presses until a visit was kept after it: one in hospital is not the follow-up."""
HAVE_A_TASK: tuple[Step, ...] = (*OF_DANGER, "screen", "ask")
"""Steps that are somebody's task from their beginning to their end; the others become one when their clock runs out."""

ANSWER_WITHIN = timedelta(minutes=5)
MATCH_WITHIN: dict[Urgency, int] = {"routine": 5, "priority": 3, "urgent": 1}
BOOK_WITHIN: dict[Urgency, int] = {"routine": 2, "priority": 1, "urgent": 1}
"""Business days; they leave room for a first visit within ten business days of a routine referral (42 CFR 438.68)."""
AFTER_A_VISIT = 1
"""Business days in which a visit that was to be held is written down."""
TO_CLOSE = 2
VISITS_UNKNOWN = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class Stands:
    """What a clock depends on: where a referral stands, how urgent it is, when its visits are, when danger was raised.

    `first_visit` is the next that would be the first; `last_visit` ends the series; `last_kept` is the last that was.
    """

    state: State
    urgency: Urgency
    crisis_at: datetime | None = None
    acknowledged: bool = False
    discharged_on: date | None = None
    first_visit: datetime | None = None
    last_visit: datetime | None = None
    last_kept: datetime | None = None


def awaited(stands: Stands) -> Step | None:
    """This will say what must be done next, or None where a referral is over; danger comes before anything else."""
    if stands.crisis_at:
        return "phone" if stands.acknowledged else "answer"
    return None if stands.state in OVER else STEPS[stands.state]


def act_by(step: Step, stands: Stands, site: Site, *, at: datetime) -> datetime:
    """This will say by when a step must be done that begins now."""
    usual = _usual(step, stands, site, at)
    return min([usual, *(each for each in _limits(step, stands, site) if at < each)])


def _usual(step: Step, stands: Stands, site: Site, at: datetime) -> datetime:
    match step:
        case "answer" | "phone":
            return (stands.crisis_at or at) + (ANSWER_WITHIN if step == "answer" else PHONE_WITHIN)
        case "screen" | "ask":
            return add_business_days(site, at, 1)
        case "close":
            return add_business_days(site, at, TO_CLOSE)
        case "go_on":
            return add_business_days(site, max(stands.last_visit or at + VISITS_UNKNOWN, at), AFTER_A_VISIT)
        case "meet":
            return add_business_days(site, max(stands.first_visit or at, at), AFTER_A_VISIT)
        case "match" | "book":
            within = MATCH_WITHIN if step == "match" else BOOK_WITHIN
            return add_business_days(site, at, within[stands.urgency])


def _limits(step: Step, stands: Stands, site: Site) -> list[datetime]:
    """This will give the moments by which a discharge wants a step done, those that are past among them."""
    left = stands.discharged_on
    if left is None or step not in UNTIL_SEEN or is_seen(stands, site):
        return []
    leaves = [leaves_at(left, site)] if step in ("match", "book") else []
    warned = [] if _is_booked_in_time(step, stands, site) else [warn_at(left, site)]
    return [*leaves, *warned, follow_up_ends(left, site)]


def _is_booked_in_time(step: Step, stands: Stands, site: Site) -> bool:
    if step != "meet" or stands.first_visit is None or stands.discharged_on is None:
        return False
    return in_time(stands.first_visit, stands.discharged_on, site)


def is_seen(stands: Stands, site: Site) -> bool:
    """This will say whether a visit was kept since the discharge, not on its day."""
    if stands.discharged_on is None or stands.last_kept is None:
        return False
    return day_at(site, stands.last_kept) > stands.discharged_on


def presses(step: Step, stands: Stands, site: Site, *, at: datetime) -> bool:
    """This will say whether the last of the seven days after a discharge run, and no visit is booked in them."""
    left = stands.discharged_on
    if left is None or step not in UNTIL_SEEN or is_seen(stands, site):
        return False
    booked = _is_booked_in_time(step, stands, site)
    return not booked and warn_at(left, site) <= at < follow_up_ends(left, site)


LAST_DAYS = timedelta(days=2)
"""So long before the seven days after a discharge are over, whoever must act is told."""


def follow_up_ends(discharged_on: date, site: Site) -> datetime:
    """This will give the end of the seventh day after a discharge; a visit on the day itself does not count (FUH)."""
    return local(discharged_on + AFTER_DISCHARGE + timedelta(days=1), "00:00", site.zone)


def warn_at(discharged_on: date, site: Site) -> datetime:
    """This will give the moment from which the seven days after a discharge are in danger of running out."""
    return follow_up_ends(discharged_on, site) - LAST_DAYS


def leaves_at(discharged_on: date, site: Site) -> datetime:
    """This will give the beginning of the day on which somebody leaves hospital: who begins before is known there."""
    return local(discharged_on, "00:00", site.zone)


def in_time(kept: datetime, discharged_on: date, site: Site) -> bool:
    """This will say whether a visit was held within the seven days after a discharge, not on its day."""
    return timedelta() < day_at(site, kept) - discharged_on <= AFTER_DISCHARGE
