"""What every fact has in common: who says it, what it is about, and how it reads on the wire."""

from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared import names


def _aware_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("an instant needs a zone offset, for example 2026-05-14T15:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant lies between the years 1 and 9999 in UTC") from None


Instant = Annotated[datetime, AfterValidator(_aware_utc)]
"""An aware UTC instant."""

Minutes = Annotated[int, Field(ge=0, le=24 * 60)]
Units = Annotated[int, Field(ge=0)]

Modality = Literal["in_person", "video", "audio"]
Urgency = Literal["routine", "priority", "urgent"]


class Value(BaseModel):
    """A part of a fact; unknown fields are ignored, for a version of an event only grows."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Fact(Value):
    """Something that happened, said once by its speaker and heard by whoever cares.

    `KEY` names the field that orders the fact: the person wherever there is one. `SEALED_FOR` names the only listener
    of a fact that carries contact or membership data.
    """

    VERSION: ClassVar[int] = 1
    KEY: ClassVar[str]
    SEALED_FOR: ClassVar[str | None] = None

    @classmethod
    @cache
    def speaker(cls) -> str:
        """This will name the service that says the fact: the module it is written in."""
        return cls.__module__.rsplit(".", 1)[-1]

    @classmethod
    @cache
    def type_name(cls) -> str:
        """This will give the CloudEvents type: `matching.match-made.v1`."""
        return f"{cls.speaker()}.{names.kebab(cls.__name__)}.v{cls.VERSION}"

    def key(self) -> str:
        """This will give the ordering key, as text."""
        found: UUID | str = getattr(self, self.KEY)
        return str(found)

    @classmethod
    @cache
    def address(cls) -> str:
        """This will give the NATS subject the fact is said on, up to the partition: `matching.match-made.v1`."""
        return names.address(cls.speaker(), names.kebab(cls.__name__), cls.VERSION, cls.SEALED_FOR)

    def subject(self) -> str:
        """This will give the NATS subject the fact is said on."""
        return f"{self.address()}.{names.partition(self.key())}"

    def wire(self) -> bytes:
        """This will give the fact as JSON, without the fields that say nothing."""
        return self.model_dump_json(exclude_none=True).encode()


class Timer(Fact):
    """A fact that comes back to its own speaker when its time comes; it never travels."""


def catalogue(*modules: Any) -> dict[str, type[Fact]]:
    """This will map CloudEvents types to the fact classes that the given event modules define."""
    return {
        each.type_name(): each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Fact) and each.__module__ == module.__name__
    }
