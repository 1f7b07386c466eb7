"""FHIR R4 as partners write it: only the elements we use, whatever else is there ignored, untidiness forgiven."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

T = TypeVar("T")
DAY = re.compile(r"(\d{4})(-(\d\d)(-(\d\d))?)?")


def _as_list(value: Any) -> Any:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _as_one(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _day(written: str) -> str:
    found = DAY.fullmatch(written)
    if not found:
        raise ValueError("write a date as YYYY, YYYY-MM or YYYY-MM-DD")
    try:
        date(int(found[1]), int(found[3] or 1), int(found[5] or 1))
    except ValueError:
        raise ValueError("there is no such day in the calendar") from None
    return written


def _moment(written: str) -> str:
    if "T" not in written:
        return _day(written)
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError("write a time as YYYY-MM-DDThh:mm:ss with its zone offset") from None
    if found.tzinfo is None:
        raise ValueError("a time needs its zone offset, for example 2026-05-14T15:00:00-04:00")
    try:
        found.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None
    return written


FEW, MANY, LOTS = 50, 100, 500
Few = Annotated[list[T], Field(max_length=FEW), BeforeValidator(_as_list)]
"""What travels on in one fact with the others of its kind."""
Many = Annotated[list[T], Field(max_length=MANY), BeforeValidator(_as_list)]
"""What partners repeat."""
Lots = Annotated[list[T], Field(max_length=LOTS), BeforeValidator(_as_list)]
"""What partners fill with much that we do not read."""
All = Annotated[list[T], BeforeValidator(_as_list)]
"""What is read once for a whole post, whose size is its limit."""
One = Annotated[T, BeforeValidator(_as_one)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Short = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Day = Annotated[str, StringConstraints(max_length=10), AfterValidator(_day)]
Moment = Annotated[str, StringConstraints(max_length=40), AfterValidator(_moment)]

RequestStatus = Literal["draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"]
RequestIntent = Literal[
    "proposal",
    "plan",
    "directive",
    "order",
    "original-order",
    "reflex-order",
    "filler-order",
    "instance-order",
    "option",
]
TaskStatus = Literal[
    "draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold", "failed",
    "completed", "entered-in-error",
]  # fmt: skip
Priority = Literal["routine", "urgent", "asap", "stat"]
Gender = Literal["male", "female", "other", "unknown"]


def day_of(written: str | None) -> date | None:
    """This will give the day of a FHIR date or dateTime, or None where it names only a month or a year."""
    found = DAY.fullmatch((written or "")[:10])
    return date(int(found[1]), int(found[3]), int(found[5])) if found and found[5] else None


def first_day(written: str | None) -> date | None:
    """This will give the first day of a FHIR date or dateTime, which may name a month or a year."""
    found = DAY.fullmatch((written or "")[:10])
    return date(int(found[1]), int(found[3] or 1), int(found[5] or 1)) if found else None


def last_day(written: str | None) -> date | None:
    """This will give the last day of a FHIR date or dateTime: the end of a period is a part of it."""
    found, first = DAY.fullmatch((written or "")[:10]), first_day(written)
    if found is None or first is None or found[5]:
        return first
    month = int(found[3] or 12)
    return first.replace(month=month, day=monthrange(first.year, month)[1])


def begin_of(written: str | None) -> datetime | None:
    """This will give the instant at which a period has begun whose `start` this is; days are those of UTC."""
    day = None if written and "T" in written else first_day(written)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else instant_of(written)


def end_of(written: str | None) -> datetime | None:
    """This will give the instant at which a period is over whose `end` this is; None where it never is."""
    day = None if written and "T" in written else last_day(written)
    if day == date.max:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1) if day else instant_of(written)


def instant_of(written: str | None) -> datetime | None:
    """This will give the instant of a FHIR dateTime; a date alone begins at midnight UTC."""
    if written and "T" in written:
        return datetime.fromisoformat(written).astimezone(UTC)
    day = day_of(written)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None


class Element(BaseModel):
    """A part of a resource."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class Coding(Element):
    system: Text | None = None
    code: Text | None = None
    display: Text | None = None


class Concept(Element):
    coding: Many[Coding] = []
    text: Text | None = None

    def codes(self) -> list[str]:
        """This will list the codes, whichever system they are of."""
        return [each.code for each in self.coding if each.code]

    def words(self) -> list[str]:
        """This will list what is written for people."""
        return [each for each in (self.text, *(coding.display for coding in self.coding)) if each]


class Identifier(Element):
    use: Text | None = None
    type: One[Concept] | None = None
    system: Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)] | None = None
    value: Short | None = None


class Period(Element):
    start: Moment | None = None
    end: Moment | None = None

    def is_over(self, at: datetime) -> bool:
        """This will say whether it has ended."""
        end = end_of(self.end)
        return bool(end and end <= at)


class Reference(Element):
    reference: Text | None = None
    identifier: One[Identifier] | None = None
    display: Short | None = None


class Annotation(Element):
    text: Text | None = None


class Extension(Element):
    url: Text = ""
    value_code: Text | None = Field(None, alias="valueCode")
    value_string: Text | None = Field(None, alias="valueString")
    value_boolean: bool | None = Field(None, alias="valueBoolean")
    value_integer: int | None = Field(None, alias="valueInteger")
    value_date: Day | None = Field(None, alias="valueDate")
    value_coding: Coding | None = Field(None, alias="valueCoding")

    def word(self) -> str | None:
        """This will give the value as one word, however it is typed."""
        coded = self.value_coding.code if self.value_coding else None
        return self.value_code or self.value_string or coded


class Meta(Element):
    tag: Lots[Coding] = []
    security: Lots[Coding] = []


class Resource(Element):
    """Anything that may stand alone, be contained, or be an entry of a Bundle."""

    id: Text | None = None
    meta: One[Meta] = Field(default_factory=Meta)
    extension: Lots[Extension] = []
    modifier_extension: Lots[Extension] = Field([], alias="modifierExtension")
