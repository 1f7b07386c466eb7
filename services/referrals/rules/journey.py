"""How a referral's state advances as other services speak."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from shared.events.fact import Fact
from shared.events.matching import BridgeOffered, MatchMade, OfferMade, ReferralWaitlisted
from shared.events.scheduling import SeatHeld, SeatMissed, SeriesBooked, SeriesEnded, SeriesNotBooked

State = Literal[
    "crisis_review", "needs_screen", "needs_info", "refused", "accepted", "waitlisted", "offered", "matched",
    "first_scheduled", "engaged", "lapsed", "completed", "closed",
]  # fmt: skip
Event = Literal[
    "offer_made", "waitlisted", "bridge_offered", "match_made", "series_booked", "series_not_booked", "first_kept",
    "kept", "missed", "series_ended", "series_unkept",
]  # fmt: skip
TaskStatus = Literal[
    "on-hold", "accepted", "rejected", "cancelled", "entered-in-error", "in-progress", "failed", "completed"
]  # fmt: skip
OrderStatus = Literal["active", "withdrawn", "entered_in_error", "completed"]

TAKEN_BACK: dict[OrderStatus, TaskStatus] = {"withdrawn": "cancelled", "entered_in_error": "entered-in-error"}
"""How a referrer takes a referral back, and what its Task says then."""

BEFORE_A_MATCH: tuple[State, ...] = ("needs_screen", "needs_info", "accepted", "waitlisted", "offered")
MAY_END: tuple[State, ...] = (*BEFORE_A_MATCH, "lapsed")
"""Where a referrer's withdrawal, or somebody at the programme, ends a referral: nobody walks beside the person yet, or
any more. Else only the visits end it."""

HELD: tuple[State, ...] = ("crisis_review", "needs_screen", "needs_info")
"""Where it waits for a person at the programme, and was not accepted yet."""

OVER: tuple[State, ...] = ("refused", "completed", "closed")
"""Where nothing more happens, and nobody has to act."""

STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)

LEADS_TO: dict[Event, State | None] = {
    "offer_made": "offered",
    "waitlisted": "waitlisted",
    "bridge_offered": None,
    "match_made": "matched",
    "series_booked": "first_scheduled",
    "series_not_booked": None,
    "first_kept": "engaged",
    "kept": None,
    "missed": None,
    "series_ended": "completed",
    "series_unkept": "lapsed",
}
KEPT: tuple[Event, ...] = ("first_kept", "kept")
_STEP: dict[State, int] = {
    "accepted": 0, "waitlisted": 1, "offered": 1, "matched": 2, "first_scheduled": 3, "engaged": 4, "completed": 5,
}  # fmt: skip


AFTER_A_LAPSE: dict[Event, State] = {"series_booked": "first_scheduled", "first_kept": "completed"}
"""Visits that were booked again begin again; one that is said to have been kept after all is the evidence there was."""


def _next(state: State, event: Event) -> State:
    if state == "lapsed":
        return AFTER_A_LAPSE.get(event, state)
    if event == "series_ended" and state in _STEP and _STEP[state] < _STEP["engaged"]:
        return "lapsed"
    if event == "series_unkept":
        return "lapsed" if state in _STEP and state != "completed" else state
    wanted = LEADS_TO[event]
    if wanted is None or state not in _STEP or _STEP[wanted] < _STEP[state]:
        return state
    return wanted


NEXT: dict[tuple[State, Event], State] = {(state, event): _next(state, event) for state in STATES for event in EVENTS}
"""Every pair of state and event. A held, refused or closed referral is moved by people only; nothing goes back, for the
services are heard in any order; waiting and being offered alternate. Completed is only what had a first visit that
was kept: a series that ended without one lapsed, and a person looks at it."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a fact of another service means for a referral; `key` tells it from another of its kind.

    `until` is when the last visit of a series that was booked ends.
    """

    referral_id: UUID
    event: Event
    key: str
    about: datetime | None = None
    number: int | None = None
    until: datetime | None = None


def step_of(fact: Fact) -> Step | None:
    """This will give what a fact means for its referral's timeline, or None where it means nothing."""
    match fact:
        case OfferMade(referral_id=UUID() as mine):
            return Step(referral_id=mine, event="offer_made", key=str(fact.offer_id))
        case ReferralWaitlisted(referral_id=UUID() as mine):
            return Step(referral_id=mine, event="waitlisted", key=fact.reason)
        case BridgeOffered(referral_id=UUID() as mine):
            return Step(referral_id=mine, event="bridge_offered", key=fact.kind)
        case MatchMade(referral_id=UUID() as mine):
            return Step(referral_id=mine, event="match_made", key=str(fact.match_id), about=fact.made_at)
        case _:
            return _step_of_visits(fact)


def _step_of_visits(fact: Fact) -> Step | None:
    match fact:
        case SeriesBooked(referral_id=UUID() as mine):
            first = min((each.starts_at for each in fact.sessions), default=None)
            last = max((each.ends_at for each in fact.sessions), default=None)
            return Step(referral_id=mine, event="series_booked", key=str(fact.series_id), about=first, until=last)
        case SeriesNotBooked(referral_id=UUID() as mine):
            return Step(referral_id=mine, event="series_not_booked", key=str(fact.match_id))
        case SeatHeld(referral_id=UUID() as mine):
            event: Event = "first_kept" if fact.first else "kept"
            return Step(referral_id=mine, event=event, key=str(fact.seat_id), about=fact.started_at)
        case SeatMissed(referral_id=UUID() as mine):
            return Step(referral_id=mine, event="missed", key=str(fact.seat_id))
        case SeriesEnded(referral_id=UUID() as mine):
            ended: Event = "series_ended" if fact.kept else "series_unkept"
            return Step(referral_id=mine, event=ended, key=str(fact.series_id), number=fact.kept)
        case _:
            return None
