"""What the scheduling service says: when they meet, what was held, and what is covered."""

from datetime import date
from typing import Literal
from uuid import UUID

from shared.events.fact import Fact, Instant, Minutes, Modality, Timer, Units, Value

CancelledBy = Literal["person", "supporter", "programme"]


class BookedSession(Value):
    """One meeting: instants in UTC; `local_start` is the wall time (YYYY-MM-DDTHH:MM) in the series' zone."""

    session_id: UUID
    seat_id: UUID
    starts_at: Instant
    ends_at: Instant
    local_start: str
    modality: Modality


class SeriesBooked(Fact):
    """All sessions of a match, in one fact; `public_name` is the supporter's first name, as people may read it."""

    KEY = "person_id"
    series_id: UUID
    match_id: UUID
    referral_id: UUID | None = None
    person_id: UUID
    supporter_id: UUID | None = None
    site_id: str
    zone: str
    public_name: str | None = None
    sessions: list[BookedSession]


class SeriesNotBooked(Fact):
    """No common time could be booked; a person at the programme has a task to find one."""

    KEY = "person_id"
    match_id: UUID
    referral_id: UUID | None = None
    person_id: UUID
    reason: Literal["no_free_slot", "no_slots_given"]


class SessionCancelled(Fact):
    """A session will not take place for this person."""

    KEY = "person_id"
    session_id: UUID
    seat_id: UUID
    series_id: UUID
    person_id: UUID
    by: CancelledBy
    late: bool


class SeatHeld(Fact):
    """The person came: `minutes` are actual contact minutes; `first` marks the first kept session of the series."""

    KEY = "person_id"
    seat_id: UUID
    session_id: UUID
    series_id: UUID
    person_id: UUID
    referral_id: UUID | None = None
    supporter_id: UUID | None = None
    started_at: Instant
    minutes: Minutes
    first: bool


class SeatMissed(Fact):
    """The person did not come; never a fee, never an automatic discharge."""

    KEY = "person_id"
    seat_id: UUID
    session_id: UUID
    series_id: UUID
    person_id: UUID
    referral_id: UUID | None = None
    in_a_row: int


class CoverageChanged(Fact):
    """What a payer covers of a seat changed; `reasons` are the codes for every unit that is not covered."""

    KEY = "person_id"
    seat_id: UUID
    person_id: UUID
    payer: str
    units_delivered: Units
    units_covered: Units
    reasons: list[str]


class SessionUnrecorded(Timer):
    """Nobody has said what happened in a session (a timer: it rings, and the rule looks whether it still matters)."""

    KEY = "person_id"
    session_id: UUID
    person_id: UUID


class InsurerTold(Timer):
    """An insurer told something new of a member: whoever is that member is counted again (a timer, never said)."""

    KEY = "member_key"
    member_key: str


class StatementsFellDue(Timer):
    """What insurers told on a day (UTC) is old: what is about nobody here is forgotten (a timer, never said)."""

    KEY = "told_on"
    told_on: date


class SeriesEnded(Fact):
    """The last session of a series is over: the supporter has room again."""

    KEY = "person_id"
    series_id: UUID
    match_id: UUID
    referral_id: UUID | None = None
    person_id: UUID
    supporter_id: UUID | None = None
    kept: int
    missed: int
    cancelled: int
