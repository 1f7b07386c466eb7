"""Our own extensions (docs/fhir-extensions.md lists them): what a person lives with, hopes for, and asked for."""

import re
from collections.abc import Callable, Set
from typing import Any

from services.referrals.fhir.codes import EXTENSION
from services.referrals.fhir.outcome import refuse
from services.referrals.fhir.words import Extension
from shared.events import vocabulary
from shared.events.referrals import Window

MODALITIES = ("in_person", "video", "audio")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = re.compile(r"([a-z]{3})[a-z]* (([01]\d|2[0-3]):[0-5]\d)-(([01]\d|2[0-3]):[0-5]\d)")
GENDERS = {"female": "woman", "male": "man", "f": "woman", "m": "man"}
MOST = 50


def _word(extension: Extension) -> str:
    written = re.sub(r"[^a-z0-9+]+", "_", (extension.word() or "").lower()).strip("_")
    if not 0 < len(written) <= 60:
        raise ValueError("give one code of at most 60 letters")
    return written


def _one_of(known: Set[str]) -> Callable[[Extension], str]:
    def read(extension: Extension) -> str:
        if (written := _word(extension)) not in known:
            raise ValueError(f"use one of {', '.join(sorted(known))}")
        return written

    return read


def _modality(extension: Extension) -> str:
    if extension.word() not in MODALITIES:
        raise ValueError(f"give one of {', '.join(MODALITIES)}")
    return str(extension.word())


def _window(extension: Extension) -> Window:
    found = WINDOW.fullmatch((extension.word() or "").strip().lower())
    if not found or found[1] not in WEEKDAYS or found[2] >= found[4]:
        raise ValueError("write a window as `tue 17:00-20:00`, in the person's own time")
    return Window(weekday=WEEKDAYS.index(found[1]), start=found[2], end=found[4])


def _whole(least: int, most: int) -> Callable[[Extension], int]:
    def read(extension: Extension) -> int:
        number = extension.value_integer
        if number is None or not least <= number <= most:
            raise ValueError(f"give valueInteger from {least} to {most}")
        return number

    return read


def _gender(extension: Extension) -> str:
    return GENDERS.get(_word(extension)) or _one_of(vocabulary.GENDERS)(extension)


def _truth(extension: Extension) -> bool:
    if extension.value_boolean is None:
        raise ValueError("give valueBoolean")
    return extension.value_boolean


LISTS: dict[str, tuple[str, Callable[[Extension], Any]]] = {
    "need-life-tag": ("life_tags", _word),
    "need-goal": ("goals", _word),
    "preference-modality": ("modalities", _modality),
    "preference-community": ("communities", _word),
    "preference-window": ("windows", _window),
}
SINGLES: dict[str, tuple[str, Callable[[Extension], Any]]] = {
    "need-pathway": ("pathway", _one_of(vocabulary.PATHWAYS)),
    "preference-must-gender": ("must_gender", _gender),
    "preference-gender": ("gender", _gender),
    "preference-age-near": ("age_near", _whole(12, 120)),
    "preference-directness": ("directness", _whole(1, 5)),
    "preference-structure": ("structure", _whole(1, 5)),
    "preference-interpreter": ("interpreter_ok", _truth),
    "peer-support-consent": ("peer_support_consent", _truth),
}
NEEDS = {"life_tags", "goals", "pathway"}


def wishes(extensions: list[Extension], path: str) -> dict[str, Any]:
    """This will read our extensions into the names of Needs, Preferences and ReferralOrder; Refused with the path."""
    said: dict[str, Any] = {}
    for index, each in enumerate(extensions):
        name = each.url.removeprefix(EXTENSION)
        at = f"{path}.extension[{index}]"
        if name in LISTS:
            member, read = LISTS[name]
            said.setdefault(member, []).append(_try(read, each, at))
        elif name in SINGLES:
            member, read = SINGLES[name]
            if member in said:
                raise refuse("duplicate", at, "give this extension once")
            said[member] = _try(read, each, at)
    if any(isinstance(each, list) and len(each) > MOST for each in said.values()):
        raise refuse("too-long", f"{path}.extension", f"give at most {MOST} of a kind")
    return said


def _try(read: Callable[[Extension], Any], extension: Extension, at: str) -> Any:
    try:
        return read(extension)
    except ValueError as wrong:
        raise refuse("value", at, str(wrong)) from None
