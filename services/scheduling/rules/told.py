"""What an insurer may tell of a member: the days of coverage, and authorisations; and which of its words counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from services.scheduling.rules.question import Day, Moment

MOST_SPANS = 50
AHEAD = timedelta(hours=1)
"""Clocks may differ by so much: a moment that lies further ahead is a slip, and would outlast every later word."""

REMEMBERED = timedelta(days=400)
"""So long an insurer's word is kept of whom nobody here knows: a year, and time to say it again."""

Status = Literal["approved", "reduced", "denied", "cancelled"]
Outcome = Literal["taken", "known", "older"]


def _ordinary(day: date) -> date:
    if not 1900 <= day.year <= 2200:
        raise ValueError("a year between 1900 and 2200")
    return day


OrdinaryDay = Annotated[Day, AfterValidator(_ordinary)]
Number = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,10}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Span(_Part):
    """Days of coverage under a plan, `from` and `to` included; without `to` it goes on."""

    plan_id: Number
    first: Annotated[OrdinaryDay, Field(alias="from")]
    last: Annotated[OrdinaryDay | None, Field(alias="to")] = None

    @field_validator("last", mode="after")
    @classmethod
    def _not_before_it_begins(cls, last: date | None, told: ValidationInfo) -> date | None:
        return _not_before(last, told)

    def covers(self, day: date) -> bool:
        """This will say whether a day is one of these days."""
        return self.first <= day and (self.last is None or day <= self.last)


def _not_before(last: date | None, told: ValidationInfo) -> date | None:
    first = told.data.get("first")
    if last and first and last < first:
        raise ValueError("the last day is on or after the first")
    return last


class _OfMember(_Part):
    """A member is found by number and birth date together; `as_of` is the moment at which the insurer knew this."""

    member_id: Number
    birth_date: OrdinaryDay
    as_of: Moment

    def words(self) -> dict[str, Any]:
        """This will give what is told, without of whom and when."""
        return self.model_dump(mode="json", by_alias=True, exclude=set(_OfMember.model_fields))


class CoverageTold(_OfMember):
    """Every day on which the insurer covers a member, whole: what it told of the member before counts no more.

    No spans at all say that the member is not, and never was, covered.
    """

    spans: Annotated[list[Span], Field(max_length=MOST_SPANS)]

    @field_validator("spans", mode="after")
    @classmethod
    def _one_plan_a_day(cls, spans: list[Span]) -> list[Span]:
        ordered = sorted(spans, key=lambda each: each.first)
        if any(one.last is None or one.last >= other.first for one, other in pairwise(ordered)):
            raise ValueError("two spans hold the same day; end the earlier one before the later one begins")
        return ordered


class AuthorizationTold(_OfMember):
    """Where an authorisation stands, whole: what was told of the same number before counts no more.

    `approved` and `reduced` say for how many `units` of a service `code`, and on which days; `denied` and `cancelled`
    that it counts on no day.
    """

    number: Annotated[Number, Field(alias="authorisation")]
    status: Status
    code: Code
    units: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    first: Annotated[OrdinaryDay | None, Field(alias="from")] = None
    last: Annotated[OrdinaryDay | None, Field(alias="to")] = None

    @field_validator("last", mode="after")
    @classmethod
    def _not_before_it_begins(cls, last: date | None, told: ValidationInfo) -> date | None:
        return _not_before(last, told)

    @model_validator(mode="after")
    def _says_what_it_is_for(self) -> Self:
        allows = self.status in ("approved", "reduced")
        if allows and (self.units is None or self.first is None):
            raise ValueError("approved and reduced need units and from")
        if not allows and (self.units is not None or self.first or self.last):
            raise ValueError(
                "denied and cancelled count on no day: leave out units, from and to; to end one early, send it as "
                "approved with an earlier to"
            )
        return self


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What an insurer told of one member: `words` as they are kept, known by `statement_id`, as of a moment."""

    statement_id: UUID
    payer: str
    member_key: str
    kind: str
    words: Mapping[str, Any]
    as_of: datetime


class ToldOtherwise(Exception):
    """The same insurer told something else as of the same moment: nobody could say which of them counts."""


def outcome_of(said: Statement, known: Statement | None) -> Outcome:
    """This will say whether a statement counts from now on, says what is known, or is older than what is known.

    It looks at nothing but what the same insurer told before, so that the answer tells nothing else.
    """
    if known is None:
        return "taken"
    if said.words == known.words:
        return "known"
    if said.as_of > known.as_of:
        return "taken"
    if said.as_of == known.as_of:
        raise ToldOtherwise
    return "older"
