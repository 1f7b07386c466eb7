"""What may be recorded of a seat, when, and what follows from it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.events.fact import Minutes, Modality
from shared.events.scheduling import CancelledBy

Outcome = Literal[
    "attended", "attended_partial", "no_show", "cancelled_person", "cancelled_supporter", "cancelled_programme"
]
SeatState = Literal["booked", "held", "missed", "cancelled"]

STATES: dict[str, SeatState] = {
    "attended": "held",
    "attended_partial": "held",
    "no_show": "missed",
    "cancelled_person": "cancelled",
    "cancelled_supporter": "cancelled",
    "cancelled_programme": "cancelled",
}
CANCELLED_BY: dict[str, CancelledBy] = {
    "cancelled_person": "person",
    "cancelled_supporter": "supporter",
    "cancelled_programme": "programme",
}
OVERTIME: Minutes = 120
"""A session may have gone on this much longer than planned; more is a slip of the pen."""
NOTICE = timedelta(hours=24)
"""A cancellation with less notice is late; a session not recorded this long after its end is chased."""
SHIFTED = timedelta(hours=12)
"""A session may have begun this much earlier or later than planned."""
MISSED_TOO_OFTEN = 3


class CannotRecord(Exception):
    """What was recorded cannot be so; `invalid` when the words are wrong, else the moment or the state is."""

    def __init__(self, where: str, remedy: str, *, invalid: bool = False) -> None:
        super().__init__(where)
        self.where, self.remedy, self.invalid = where, remedy, invalid


@dataclass(frozen=True, kw_only=True)
class Note:
    """That a note was written, by whom, about which of the seven activities; its words stay with the supporter."""

    signed: bool
    signed_by: str | None = None
    activity_codes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """This will say how far the note is."""
        return "signed" if self.signed else "draft"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What somebody at the programme says happened in a seat; `minutes` are actual contact minutes."""

    session_id: UUID
    seat_id: UUID
    outcome: Outcome
    by: str
    minutes: Minutes | None = None
    started_at: datetime | None = None
    note: Note | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A person's part in a session, as it stands."""

    seat_id: UUID
    session_id: UUID
    series_id: UUID
    person_id: UUID
    referral_id: UUID | None
    supporter_id: UUID | None
    zone: str
    modality: Modality
    starts_at: datetime
    ends_at: datetime
    state: SeatState
    outcome: str | None
    minutes: Minutes | None
    started_at: datetime | None
    note_status: str


def check(seat: Seat, said: Recording, *, now: datetime) -> None:
    """This will refuse what cannot be recorded as things stand; CannotRecord says where and what to do instead."""
    check_possible(seat, said, now=now)
    if seat.state == "cancelled" != STATES[said.outcome]:
        raise CannotRecord("body.outcome", "this session was cancelled; book the one that took place")
    if is_correction(seat, said) and not said.reason:
        raise CannotRecord("body.reason", "another outcome is recorded already; say why it was wrong")


def check_possible(seat: Seat, said: Recording, *, now: datetime) -> None:
    """This will refuse what cannot have happened, whatever is recorded; CannotRecord says where and what to do."""
    contact = {"minutes": said.minutes, "started_at": said.started_at, "note": said.note}
    told = [name for name, each in contact.items() if each]
    if STATES[said.outcome] == "held":
        _check_held(seat, said, now)
    elif told:
        raise CannotRecord(f"body.{told[0]}", f"leave out {', '.join(told)}: nothing was held", invalid=True)
    if STATES[said.outcome] != "cancelled" and now < seat.starts_at:
        raise CannotRecord("body.outcome", "the session has not begun; only a cancellation can be recorded yet")


def _check_held(seat: Seat, said: Recording, now: datetime) -> None:
    planned = int((seat.ends_at - seat.starts_at).total_seconds() // 60)
    if not said.minutes:
        raise CannotRecord("body.minutes", "say how many minutes of contact there were, at least 1", invalid=True)
    if said.minutes > planned + OVERTIME:
        raise CannotRecord("body.minutes", f"at most {planned + OVERTIME}: look for a slip of the pen", invalid=True)
    if said.started_at and abs(said.started_at - seat.starts_at) > SHIFTED:
        raise CannotRecord(
            "body.started_at", "within 12 hours of the planned start; else book another session", invalid=True
        )
    if said.started_at and said.started_at > now:
        raise CannotRecord("body.started_at", "this is still to come; record the session when it has begun")


def is_correction(seat: Seat, said: Recording) -> bool:
    """This will say whether something else was recorded before; a note that follows later corrects nothing."""
    if seat.outcome is None:
        return False
    same_contact = (said.minutes, begun(seat, said)) == (seat.minutes, seat.started_at)
    return said.outcome != seat.outcome or (STATES[said.outcome] == "held" and not same_contact)


def says_nothing_new(seat: Seat, said: Recording) -> bool:
    """This will say whether all of it is known already."""
    known_note = said.note is None or said.note.status == seat.note_status or seat.note_status == "signed"
    return seat.outcome is not None and not is_correction(seat, said) and known_note


def begun(seat: Seat, said: Recording) -> datetime:
    """This will give when a seat began: as said now, else as said before, else as planned."""
    return said.started_at or seat.started_at or seat.starts_at


def is_late(starts_at: datetime, at: datetime) -> bool:
    """This will say whether a cancellation leaves less than a day's notice."""
    return starts_at - at < NOTICE


def chased_at(seat: Seat) -> datetime:
    """This will give the moment from which on somebody may have been asked to record a seat."""
    return seat.ends_at + NOTICE


def after(series: Iterable[Seat], seat: Seat, outcome: Outcome) -> list[Seat]:
    """This will give a series as it stands when the outcome of one of its seats is recorded."""
    recorded = replace(seat, outcome=outcome, state=STATES[outcome])
    return [recorded if each.seat_id == seat.seat_id else each for each in series]


def is_first(series: Iterable[Seat], seat: Seat) -> bool:
    """This will say whether a seat is the first that was held, given seats in order of time."""
    first = next((each for each in series if each.state == "held"), None)
    return first is not None and first.seat_id == seat.seat_id


def missed_in_a_row(outcomes: Iterable[str]) -> int:
    """This will count the no-shows since the person last came, given outcomes in order of time."""
    count = 0
    for each in outcomes:
        if STATES[each] != "cancelled":
            count = count + 1 if each == "no_show" else 0
    return count


def tally(seats: Iterable[Seat], *, now: datetime) -> Counter[str] | None:
    """This will count the states of a series' seats when all are over, None while one is still to come.

    A seat nobody recorded a day after its end counts as over, as `booked`.
    """
    found = list(seats)
    over = all(each.state != "booked" or chased_at(each) <= now for each in found)
    return Counter(each.state for each in found) if over else None
