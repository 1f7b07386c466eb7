"""What a posted request says about danger: the worst answer counts, and scales can only raise it."""

from collections.abc import Iterable, Iterator
from typing import Any

from services.referrals.fhir import codes
from services.referrals.fhir.links import Found
from services.referrals.fhir.outcome import refuse
from services.referrals.fhir.resources import Answer, Item, Observation, QuestionnaireResponse
from services.referrals.fhir.words import Extension
from services.referrals.rules.order import Risk

WORST: tuple[Risk, ...] = ("flagged", "unknown", "none")
ANSWERS: dict[str, Risk] = {"none": "none", "flagged": "flagged", "unknown": "unknown"}
YES_ITEMS = {"93246-7", "93247-5", "93248-3", "93249-1", "93250-9", "93267-3", "93269-9"}
"""C-SSRS screener questions (LOINC): any yes is for a person to look at."""
LEVEL, PHQ9_NINTH = "93374-7", "44260-8"
ASKED = {*YES_ITEMS, LEVEL, PHQ9_NINTH}
YES, NOT_AT_ALL, LOW = "LA33-6", "LA6568-5", "LA9194-7"


def worst(answers: Iterable[Risk | None]) -> Risk | None:
    """This will give the gravest of several answers; None where there is none."""
    given = set(answers)
    return next((each for each in WORST if each in given), None)


def of_extensions(extensions: Iterable[Extension], path: str) -> Risk | None:
    """This will read our `risk` extension; Refused where it holds another word."""
    return worst(
        _answer(each.word() or "", f"{path}.extension[{index}].valueCode")
        for index, each in enumerate(extensions)
        if each.url == codes.EXTENSION + "risk"
    )


def of_observation(found: Found) -> Risk | None:
    """This will read an observation: our own risk code says any answer, a scale's item only raises.

    A record brings many that are about something else: whatever those say, and however, they are no matter of ours.
    """
    if _is_about_something_else(found.raw.get("code")):
        return None
    observation: Observation = found.read(Observation)
    if any(each.system == codes.RISK_SYSTEM for each in observation.code.coding):
        written = observation.value_concept.codes() if observation.value_concept else []
        return _answer(written[0] if written else "", f"{found.path}.valueCodeableConcept")
    coded = observation.value_concept.coding if observation.value_concept else []
    answer = Answer(
        valueCoding=next(iter(coded), None),
        valueBoolean=observation.value_boolean,
        valueInteger=observation.value_integer,
    )
    return worst(_raised(code, answer) for code in observation.code.codes())


def _is_about_something_else(code: Any) -> bool:
    """This will say whether a code, written as FHIR has it, surely names nothing that we ask about."""
    coding = code.get("coding") if isinstance(code, dict) else None
    return isinstance(coding, list) and all(
        isinstance(each, dict)
        and isinstance(named := each.get("code", ""), str)
        and named not in ASKED
        and each.get("system") != codes.RISK_SYSTEM
        for each in coding
    )


def of_questionnaire(found: Found) -> Risk | None:
    """This will read a questionnaire: our own item `risk` says any answer, C-SSRS and PHQ-9 items only raise."""
    answers: list[Risk | None] = []
    for item in _every(found.read(QuestionnaireResponse).item):
        for each in item.answer:
            ours = item.link_id == "risk"
            answers.append(_own(each, found.path) if ours else _raised(item.link_id.strip("/"), each))
    return worst(answers)


def _every(items: list[Item]) -> Iterator[Item]:
    for each in items:
        yield each
        yield from _every(each.item)


def _own(answer: Answer, path: str) -> Risk:
    if answer.value_boolean is not None:
        return "flagged" if answer.value_boolean else "none"
    coded = answer.value_coding.code if answer.value_coding else None
    return _answer(coded or answer.value_string or "", f"{path}.item")


def _answer(written: str, path: str) -> Risk:
    if written not in ANSWERS:
        raise refuse("code-invalid", path, f"answer with one of {', '.join(ANSWERS)}, or leave it out if nobody asked")
    return ANSWERS[written]


def _raised(item: str, answer: Answer) -> Risk | None:
    coded = answer.value_coding.code if answer.value_coding else None
    if item in YES_ITEMS:
        return "flagged" if answer.value_boolean or coded == YES else None
    if item == LEVEL:
        return "flagged" if coded and coded != LOW else None
    if item == PHQ9_NINTH:
        return "flagged" if (answer.value_integer or 0) > 0 or (coded or NOT_AT_ALL) != NOT_AT_ALL else None
    return None
