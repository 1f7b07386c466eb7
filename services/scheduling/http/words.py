"""The bodies and parameters of this edge: strict, and never repeated back."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.scheduling.rules.outcomes import Outcome, SeatState
from services.scheduling.rules.question import Moment
from shared.events.fact import Modality
from shared.programme import Zone

LONGEST_SESSION = 480

Whole = Annotated[int, Field(strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z_]{0,29}$")]


def _wall(value: object) -> object:
    if not isinstance(value, str) or len(value) not in (16, 19):
        raise ValueError("write wall time as YYYY-MM-DDTHH:MM, without an offset")
    return value


def _plain(moment: datetime) -> datetime:
    if moment.tzinfo or moment.second or not 2000 <= moment.year <= 2100:
        raise ValueError("write wall time as YYYY-MM-DDTHH:MM, between 2000 and 2100")
    return moment


WallTime = Annotated[datetime, BeforeValidator(_wall), AfterValidator(_plain)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NewSession(_Body):
    """One session to book; `local_start` is wall time (YYYY-MM-DDTHH:MM) in `zone`, the site's when left out."""

    supporter_id: UUID
    person_id: UUID
    local_start: WallTime
    zone: Zone | None = None
    minutes: Annotated[Whole, Field(ge=1, le=LONGEST_SESSION)]
    modality: Modality
    series_id: UUID | None = None


class SignedNote(_Body):
    """That a note was written: whether it is signed, by whom, and about which activities."""

    signed: Annotated[bool, Field(strict=True)]
    signed_by: Name | None = None
    activity_codes: Annotated[list[Code], Field(max_length=7)] = []

    @model_validator(mode="after")
    def _somebody_signed(self) -> "SignedNote":
        if self.signed and not self.signed_by:
            raise ValueError("a signed note says in signed_by who signed it")
        return self


class WhatHappened(_Body):
    """What happened in a seat; `minutes` are actual contact minutes, for a seat that was attended."""

    outcome: Outcome
    by: Name
    minutes: Annotated[Whole, Field(ge=0, le=24 * 60)] | None = None
    started_at: Moment | None = None
    note: SignedNote | None = None
    reason: Name | None = None


class WhichSessions(BaseModel):
    """Which sessions to list: those that begin in [`from`, `to`), both instants with an offset."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    first: Annotated[Moment | None, Field(alias="from")] = None
    last: Annotated[Moment | None, Field(alias="to")] = None
    state: SeatState | None = None
    supporter: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Annotated[str | None, Field(max_length=200)] = None


class SeatListed(BaseModel):
    """A seat, by its ids."""

    seat_id: UUID
    person_id: UUID
    outcome: str | None


class SessionListed(BaseModel):
    """A session: ids, times and state only."""

    session_id: UUID
    series_id: UUID
    supporter_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    local_start: str
    zone: str
    modality: Modality
    state: SeatState
    seats: list[SeatListed]


class SessionPage(BaseModel):
    """A page of sessions; `next` is the cursor of the page after, null on the last."""

    sessions: list[SessionListed]
    next: str | None


class SessionBooked(BaseModel):
    """What was booked."""

    series_id: UUID
    session_id: UUID
    seat_id: UUID
    starts_at: datetime
    ends_at: datetime
    local_start: str
    zone: str


class GivenUp(_Body):
    """Who says that no time is found."""

    by: Name


class SeriesGivenUp(BaseModel):
    """That a series has ended."""

    ended: Literal[True] = True


class Recorded(BaseModel):
    """Whether what was sent was news."""

    recorded: Literal[True] = True
    changed: bool
