"""A referral that a partner wrote in our own words: what is told openly is told in our codes, never in their text."""

import re
from collections.abc import Set
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from services.referrals.rules.order import FEW, Person, ReferralOrder
from shared.events import vocabulary
from shared.events.fact import Modality
from shared.events.referrals import Needs, Preferences, Window


def _one_of(known: Set[str]) -> AfterValidator:
    def check(code: str) -> str:
        if code not in known:
            raise PydanticCustomError("unknown_code", f"use one of {', '.join(sorted(known))}")
        return code

    return AfterValidator(check)


def _some_of(known: Set[str]) -> object:
    return Annotated[list[Annotated[str, _one_of(known)]], Field(max_length=FEW)]


def _short(language: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}", language):
        raise ValueError("write a language as two or three letters, for example en")
    return language


Gender = Annotated[str, _one_of(vocabulary.GENDERS)]
Languages = Annotated[list[Annotated[str, AfterValidator(_short)]], Field(max_length=FEW)]


class WrittenNeeds(Needs):
    """Needs in codes we know."""

    model_config = ConfigDict(extra="forbid")
    challenges: _some_of(vocabulary.CHALLENGES) = []  # type: ignore[valid-type]
    life_tags: _some_of(vocabulary.LIFE_TAGS) = []  # type: ignore[valid-type]
    pathway: Annotated[str, _one_of(vocabulary.PATHWAYS)] | None = None
    goals: _some_of(vocabulary.GOALS) = []  # type: ignore[valid-type]


class WrittenPreferences(Preferences):
    """Preferences in codes we know."""

    model_config = ConfigDict(extra="forbid")
    languages: Languages = ["en"]
    modalities: Annotated[list[Modality], Field(max_length=FEW)] = ["in_person", "video", "audio"]
    must_gender: Gender | None = None
    gender: Gender | None = None
    age_near: Annotated[int, Field(ge=12, le=120)] | None = None
    communities: _some_of(vocabulary.COMMUNITIES) = []  # type: ignore[valid-type]
    windows: Annotated[list[Window], Field(max_length=FEW)] = []


class WrittenPerson(Person):
    """Whom the referral is for, with languages as codes."""

    languages: Languages = []


class Written(ReferralOrder):
    """One referral in our own words, as a partner writes it."""

    person: WrittenPerson
    needs: WrittenNeeds = WrittenNeeds()
    preferences: WrittenPreferences = WrittenPreferences()
