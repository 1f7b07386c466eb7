"""What an insurer may ask, on either edge, and how the answer is put."""

import base64
import json
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
LONGEST = 366
LARGEST_PAGE = 1000
SMALLEST_CELL = 11
DISCLOSURE = (
    "Shows only sessions we may share. 42 CFR part 2 prohibits unauthorized use or disclosure of these records."
)


def _iso_date(value: Any) -> Any:
    if not isinstance(value, date) and not (isinstance(value, str) and ISO_DATE.fullmatch(value)):
        raise ValueError("write a date as YYYY-MM-DD")
    return value


def _not_a_number(value: Any) -> Any:
    if not isinstance(value, datetime) and not (isinstance(value, str) and ISO_DATE.match(value)):
        raise ValueError("write an instant as 2026-05-14T15:00:00Z")
    return value


def _ordinary(moment: datetime) -> datetime:
    if not 1900 <= moment.year <= 2200:
        raise ValueError("a year between 1900 and 2200")
    return moment.astimezone(UTC)


Day = Annotated[date, BeforeValidator(_iso_date)]
Moment = Annotated[AwareDatetime, BeforeValidator(_not_a_number), AfterValidator(_ordinary)]
"""An instant with a zone offset, in UTC afterwards."""


class Cursor(BaseModel):
    """Where a page ended: the value the rows are ordered by, and the seat that breaks a tie."""

    model_config = ConfigDict(frozen=True)
    value: str
    seat_id: UUID

    def write(self) -> str:
        """This will give the opaque text a caller sends back."""
        raw = json.dumps([self.value, str(self.seat_id)])
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    def moment(self) -> datetime:
        """This will give the value of a cursor over instants."""
        return datetime.fromisoformat(self.value)


def read_cursor(text: Any) -> Cursor:
    """This will read what `write` gave; ValueError says what to do."""
    if isinstance(text, Cursor):
        return text
    try:
        place, seat = json.loads(base64.urlsafe_b64decode(f"{text}==".encode("ascii")))
        ordinary = _ordinary(datetime.fromisoformat(place)) if "T" in place else date.fromisoformat(place)
        return Cursor(value=ordinary.isoformat(), seat_id=UUID(seat))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise ValueError("send `next` of the page before, unchanged, or leave it out") from None


class Question(BaseModel):
    """Which sessions an insurer asks for: dates of service `from` and `to` (inclusive), and what narrows them down."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)
    first: Annotated[Day, Field(alias="from")]
    last: Annotated[Day, Field(alias="to")]
    member_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    birth_date: Day | None = None
    code: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,10}$")] | None = None
    covered: Literal["yes", "no", "partial"] | None = None
    changed_since: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 100
    cursor: Annotated[Cursor | None, BeforeValidator(lambda value: value and read_cursor(value))] = None

    @model_validator(mode="after")
    def _whole(self) -> "Question":
        if not 0 <= (self.last - self.first).days < LONGEST:
            raise ValueError(f"`to` must be on or after `from`, and at most {LONGEST} days are asked for at once")
        if (self.member_id is None) != (self.birth_date is None):
            raise ValueError("send member_id and birth_date together, or neither")
        if self.cursor and ("T" in self.cursor.value) != (self.changed_since is not None):
            raise ValueError("the cursor belongs to another question; start again without it")
        return self

    def kinds(self) -> list[str]:
        """This will name the filters used, never their values, for the disclosure log."""
        used = self.model_dump(exclude_none=True, exclude_defaults=True, by_alias=True)
        return sorted(used)


class Sum(BaseModel):
    """What one person's sessions in the answer add up to."""

    sessions: int = 0
    minutes: int = 0
    units_delivered: int = 0
    units_covered: int = 0


def totals(sums: Iterable[tuple[str, Sum]], denied: Iterable[dict[str, int]]) -> dict[str, Any]:
    """This will add up an answer; a number of members from 1 to 10 is not told.

    A unit denied for two reasons is counted under both, so the reasons may add up to more than what is not covered.
    """
    listed = list(sums)
    members = len({member for member, _ in listed})
    told = {name: sum(getattr(each, name) for _, each in listed) for name in Sum.model_fields}
    reasons: dict[str, int] = {}
    for each in denied:
        for reason, units in each.items():
            reasons[reason] = reasons.get(reason, 0) + units
    return {
        **told,
        "units_not_covered": told["units_delivered"] - told["units_covered"],
        "not_covered_by_reason": dict(sorted(reasons.items())),
        "members": members if members == 0 or members >= SMALLEST_CELL else None,
    }
