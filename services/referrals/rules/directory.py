"""Where people are pointed to that is not the programme's own: each entry with a label that outsiders may read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from babel import Locale
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator

from services.referrals.rules.links import Link
from services.referrals.rules.order import phone
from services.referrals.rules.protection import substances
from shared.events.referrals import AgeBand
from shared.neutral import Neutral, is_kept
from shared.programme import ClockTime, Weekday, Zone

Kind = Literal[
    "external_group", "online_community", "warm_line", "crisis_line", "tools", "programme", "local_service", "transport"
]
LANGUAGES = Locale("en").languages
FEW = 20
SHORT = re.compile(r"\d{3}")
"""A number that is dialled as it is: 988, 211."""


def _named_language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError("name a language by its code, for example en, es, ase")
    return code


def _dialled(number: str) -> str:
    if not SHORT.fullmatch(number) and phone(number) is None:
        raise ValueError("write a number that can be dialled, for example +1 212 555 0100")
    return number


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def _untold(written: str, told: ValidationInfo) -> str:
    if not is_kept(told) and substances([written]):
        raise ValueError("this tells of substance use; choose a neutral label, such as a place or a day")
    return written


Untold = AfterValidator(_untold)
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), Neutral, Untold]
Place = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Neutral, Untold]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), AfterValidator(_dialled)]
Language = Annotated[str, AfterValidator(_named_language)]
WeekOfMonth = Annotated[int, Field(ge=1, le=5)]


class Part(BaseModel):
    """A part of an entry: what it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Meeting(Part):
    """A weekly stretch of wall time; with `weeks` only in these weeks of the month."""

    weekday: Weekday
    start: ClockTime
    end: ClockTime
    weeks: Annotated[list[WeekOfMonth], Field(max_length=5)] = []

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be later than start, on the same day")
        return self


class Labels(Part):
    """What a text, a shared screen or somebody of the family may read, by language."""

    en: Label
    es: Label | None = None


class Entry(Part):
    """Something people are pointed to; only `label`, and how to reach it, are ever shown outside the programme.

    `name` and `for_whom` are for the programme's own people. Empty `languages` means that nobody said. `ages` are whom
    it lets in. `open` says that guests may come; `online` that one can join from afar. What tells of substance use is
    `part2`, whether it was said or not. It has no roster, no seats and no attendance: a public group keeps none.
    """

    kind: Kind
    name: Name
    label: Labels
    link: Link | None = None
    phone: Phone | None = None
    place: Place | None = None
    times: Annotated[list[Meeting], Field(max_length=50)] = []
    zone: Zone | None = None
    languages: Annotated[list[Language], Field(max_length=FEW)] = []
    open: bool = True
    online: bool = False
    for_whom: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    ages: Annotated[list[AgeBand], Field(min_length=1)] = ["18-25", "adult", "older_adult"]
    part2: bool = False
    moderation: Name | None = None
    crisis_policy: Name | None = None

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if not (self.link or self.phone or self.place):
            raise ValueError("say how to reach it: a link, a phone or a place")
        if self.times and not self.zone:
            raise ValueError("times need their zone, for example America/New_York")
        if self.kind in ("warm_line", "crisis_line") and not self.phone:
            raise ValueError(f"a {self.kind} needs the phone that is rung")
        if self.kind == "online_community" and not (self.link and self.moderation and self.crisis_policy):
            raise ValueError("an online_community needs its link, its moderation and its crisis_policy")
        return self

    @model_validator(mode="after")
    def _labelled_when_unsure(self) -> Self:
        told = [self.name, self.for_whom, str(self.link or "")]
        object.__setattr__(self, "part2", self.part2 or bool(substances(told)))
        return self


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An entry as the programme has it: `kept_by` is the organisation that put it, None for one that was shipped."""

    entry_id: UUID
    entry: Entry
    kept_by: str | None = None
    ended_at: datetime | None = None


def read(raw: str) -> dict[UUID, Entry]:
    """This will read a file of entries by their ids; ValueError where one is wrong."""
    told: dict[str, Any] = json.loads(raw)
    return {UUID(each): Entry.model_validate(entry) for each, entry in told["entries"].items()}


def directory(shipped: Mapping[UUID, Entry], kept: Mapping[UUID, Listed]) -> dict[UUID, Listed]:
    """This will give every entry: what the programme's people put or ended stands before what was shipped."""
    came = {each: Listed(entry_id=each, entry=entry) for each, entry in shipped.items()}
    return came | dict(kept)


def twin(told: Entry, listed: Mapping[UUID, Listed], *, but: UUID) -> Listed | None:
    """This will find another entry that people could not tell from this one, for it has the same label."""
    mine = _labels(told)
    others = (each for each in listed.values() if each.entry_id != but and each.ended_at is None)
    return next((each for each in others if mine & _labels(each.entry)), None)


def _labels(entry: Entry) -> set[str]:
    return {each.casefold() for each in (entry.label.en, entry.label.es) if each}
