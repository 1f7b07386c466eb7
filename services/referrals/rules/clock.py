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
BEFORE_A_VISIT: tuple[Step, ...] = ("match", "book", "meet")
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

    `first_visit` is the next that would be the first; `last_visit` ends the series.
    """

    state: State
    urgency: Urgency
    crisis_at: datetime | None = None
    acknowledged: bool = False
    discharged_on: date | None = None
    first_visit: datetime | None = None
    last_visit: datetime | None = None


def awaited(stands: Stands) -> Step | None:
    """This will say what must be done next, or None where a referral is over; danger comes before anything else."""
    if stands.crisis_at:
        return "phone" if stands.acknowledged else "answer"
    return None if stands.state in OVER else STEPS[stands.state]


def act_by(step: Step, stands: Stands, site: Site, *, at: datetime) -> datetime:
    """This will say by when a step must be done that begins now."""
    match step:
        case "answer" | "phone":
            return (stands.crisis_at or at) + (ANSWER_WITHIN if step == "answer" else PHONE_WITHIN)
        case "screen" | "ask":
            return add_business_days(site, at, 1)
        case "close":
            return add_business_days(site, at, TO_CLOSE)
        case "go_on":
            return add_business_days(site, max(stands.last_visit or at + VISITS_UNKNOWN, at), AFTER_A_VISIT)
        case _:
            return _before_a_visit(step, stands, site, at)


def _before_a_visit(step: Step, stands: Stands, site: Site, at: datetime) -> datetime:
    days = {"match": MATCH_WITHIN, "book": BOOK_WITHIN}.get(step)
    if days:
        usual = add_business_days(site, at, days[stands.urgency])
    else:
        usual = add_business_days(site, max(stands.first_visit or at, at), AFTER_A_VISIT)
    if stands.discharged_on is None:
        return usual
    limits = [warn_at(stands.discharged_on, site)]
    limits += [leaves_at(stands.discharged_on, site)] if step != "meet" else []
    return min([usual, *(each for each in limits if at < each)])


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
