"""What a posted request says about danger: the worst answer counts, and scales and records can only raise it."""

from collections.abc import Callable, Iterable, Iterator, Set
from typing import Any

from services.referrals.fhir import codes
from services.referrals.fhir.links import Found
from services.referrals.fhir.outcome import Refused, refuse
from services.referrals.fhir.resources import (
    Answer,
    Condition,
    Item,
    Observation,
    QuestionnaireResponse,
    Record,
    RiskAssessment,
    Valued,
)
from services.referrals.fhir.words import Concept, Extension, Resource
from services.referrals.rules.order import Risk
from services.referrals.rules.phrases import may_mean_danger, plain

Reader = Callable[[Found], Risk | None]
WORST: tuple[Risk, ...] = ("flagged", "unknown", "none")
ANSWERS: dict[str, Risk] = {"none": "none", "flagged": "flagged", "unknown": "unknown"}
YES_ITEMS = {"93246-7", "93247-5", "93248-3", "93249-1", "93250-9", "93267-3", "93269-9"}
"""C-SSRS screener questions (LOINC): any yes is for a person to look at."""
LEVEL, PHQ9_NINTH = "93374-7", "44260-8"
ASKED = {*YES_ITEMS, LEVEL, PHQ9_NINTH}
LOW = "LA9194-7"
NO_CODES = {LOW, "LA32-8", "LA6568-5", "N", "F", "NEG", "373067005", "260385009", "2667000"}
"""No, not at all, low: of LOINC, of HL7 tables, of SNOMED CT."""
NO_WORDS = {
    "no", "n", "0", "none", "false", "never", "absent", "negative", "denies", "denied", "not", "low", "minimal",
    "negligible", "nunca", "nada", "ninguno", "ninguna", "bajo",
}  # fmt: skip
OPEN = {"unknown", "known", "declined", "refused", "unable", "asked", "unk"}
"""In what says that nobody knows: that is asked."""
SEVERAL = 10
"""How many texts of a resource are put before a person."""
SHORT = 3
"""Of how many words a text may be that is only a no; what is longer is read by people."""
WRITTEN, NAMED = {"valueString", "note"}, {"text", "display", "code", "note"}
"""Members in which somebody answered or noted something, not what was asked; and those in which things have names."""
VOID = {"entered-in-error", "cancelled"}
"""Statuses of what may tell of danger, never that there is none."""
UNFINISHED = {*VOID, "in-progress", "stopped"}
OVER = {"resolved", "inactive", "remission", "refuted", "entered-in-error"}


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


def of_tags(resource: Resource, path: str) -> Risk | None:
    """This will read our own risk code where it stands as a tag or a label; Refused where it is another word."""
    labels = [*resource.meta.tag, *resource.meta.security]
    return worst(_answer(each.code or "", f"{path}.meta") for each in labels if each.system == codes.RISK_SYSTEM)


def of_observation(found: Found) -> Risk | None:
    """This will read an observation: our own risk code says any answer, a scale's item only raises.

    A record brings many that are about something else: whatever those say, and however, they are no matter of ours.
    """
    inside = found.raw.get("component")
    coded = [found.raw, *(inside if isinstance(inside, list) else [])]
    if all(_is_about_something_else(each.get("code") if isinstance(each, dict) else None) for each in coded):
        return None
    observation: Observation = found.read(Observation)
    if any(each.system == codes.RISK_SYSTEM for each in observation.code.coding):
        written = observation.value_concept.codes() if observation.value_concept else []
        told = _answer(written[0] if written else "", f"{found.path}.valueCodeableConcept")
        return None if told == "none" and observation.status in VOID else told
    parts: list[tuple[Concept, Valued]] = [(each.code, each) for each in observation.component]
    return worst(_found(*each) for each in [(observation.code, observation), *parts])


def _is_about_something_else(code: Any) -> bool:
    """This will say whether a code, written as FHIR has it, surely names nothing that we ask about."""
    coding = code.get("coding", []) if isinstance(code, dict) else None
    if code is None or not isinstance(coding, list):
        return code is None
    return not _names_danger(code) and all(
        isinstance(each, dict)
        and isinstance(named := each.get("code", ""), str)
        and named not in ASKED
        and each.get("system") != codes.RISK_SYSTEM
        and not codes.is_danger_code(named)
        and not _names_danger(each)
        for each in coding
    )


def _names_danger(written: dict[str, Any]) -> bool:
    return may_mean_danger(each for name in ("text", "display") if isinstance(each := written.get(name), str))


def _found(code: Concept, told: Valued) -> Risk | None:
    if codes.is_danger(code):
        return _heard(told) if _said(told) or _measured(told) else "flagged"
    asked = ASKED & set(code.codes()) or may_mean_danger(code.words())
    return _heard(told) if asked else None


def _heard(told: Valued) -> Risk | None:
    """This will read an answer about danger: whatever is not plainly a no raises, and what is not known is asked."""
    measured, said = _measured(told), _said(told)
    if any(measured):
        return "flagged"
    if any(OPEN & set(plain(each).split()) for each in said):
        return "unknown"
    return None if measured or not said or any(_is_no(each) for each in said) else "flagged"


def _measured(told: Valued) -> list[float]:
    quantity = told.value_quantity.value if told.value_quantity else None
    some = (told.value_boolean, told.value_integer, told.value_decimal, quantity)
    return [each for each in some if each is not None]


def _said(told: Valued) -> list[str]:
    """This will list what an answer says, in codes and in words."""
    concept = told.value_concept or Concept()
    coding = [*concept.coding, *([told.value_coding] if told.value_coding else [])]
    words = [told.value_string, concept.text, *(each for one in coding for each in (one.code, one.display))]
    return [each for each in words if each]


def _is_no(said: str) -> bool:
    words = plain(said).split()
    return said in NO_CODES or (0 < len(words) <= SHORT and words[0] in NO_WORDS)


def of_questionnaire(found: Found) -> Risk | None:
    """This will read a questionnaire: our own item `risk` says any answer, C-SSRS and PHQ-9 items only raise."""
    response, answers = found.read(QuestionnaireResponse), list[Risk | None]()
    for item in _every(response.item):
        for each in item.answer:
            if item.link_id == "risk":
                told = _own(each, found.path)
                answers.append(None if told == "none" and response.status in UNFINISHED else told)
            elif item.link_id.strip("/") in ASKED:
                answers.append(_heard(each))
    return worst(answers)


def _every(items: list[Item]) -> Iterator[Item]:
    for each in items:
        yield each
        yield from _every(each.item)
        for answer in each.answer:
            yield from _every(answer.item)


def _own(answer: Answer, path: str) -> Risk:
    if answer.value_boolean is not None:
        return "flagged" if answer.value_boolean else "none"
    coded = answer.value_coding.code if answer.value_coding else None
    return _answer(coded or answer.value_string or "", f"{path}.item")


def _answer(written: str, path: str) -> Risk:
    if written not in ANSWERS:
        raise refuse("code-invalid", path, f"answer with one of {', '.join(ANSWERS)}, or leave it out if nobody asked")
    return ANSWERS[written]


def of_assessment(found: Found) -> Risk | None:
    """This will read a RiskAssessment: one of danger raises, unless it says that there is little or none."""
    assessment = found.read(RiskAssessment)
    if assessment.status in VOID:
        return None
    for each in assessment.prediction:
        about = (assessment.code, each.outcome)
        if any(codes.is_danger(one) or may_mean_danger(one.words()) for one in about):
            said = [*each.qualitative_risk.codes(), *each.qualitative_risk.words()]
            if not any(_is_no(one) for one in said):
                return "flagged"
    return None


def of_flag(found: Found) -> Risk | None:
    """This will read a Flag: an active one that names danger raises."""
    flag = found.read(Record)
    is_active = flag.status in (None, "active")
    return "flagged" if is_active and (codes.is_danger(flag.code) or may_mean_danger(flag.code.words())) else None


def of_condition(found: Found) -> Risk | None:
    """This will read a condition that came along: one of danger raises, unless it is over or was wrong."""
    condition = found.read(Condition)
    if OVER & {*condition.clinical_status.codes(), *condition.verification_status.codes()}:
        return None
    return "flagged" if codes.is_danger(condition.code) or may_mean_danger(condition.code.words()) else None


def _tidy(reader: Reader) -> Reader:
    """This will go by its words alone where a record is written otherwise than FHIR has it: most tell of no danger."""

    def read(found: Found) -> Risk | None:
        try:
            return reader(found)
        except Refused:
            return "flagged" if may_mean_danger(_words(found.raw, NAMED)) else None

    return read


RECORDS: dict[str, Reader] = {
    "Observation": of_observation,
    "QuestionnaireResponse": of_questionnaire,
    "RiskAssessment": _tidy(of_assessment),
    "Flag": _tidy(of_flag),
    "Condition": _tidy(of_condition),
}
"""What is read of each kind of resource about the person that came along."""


def alarming(found: Found) -> list[str]:
    """This will give what somebody wrote in a resource that may mean danger: a person has to read it."""
    return [each for each in _words(found.raw, WRITTEN) if may_mean_danger([each])][:SEVERAL]


def _words(part: Any, wanted: Set[str], name: str = "") -> Iterator[str]:
    """This will give the texts of some members, at any depth; the text of a note is its `note`."""
    if isinstance(part, str):
        if name in wanted:
            yield part
    elif isinstance(part, list):
        for each in part:
            yield from _words(each, wanted, name)
    elif isinstance(part, dict):
        for key, each in part.items():
            yield from _words(each, wanted, "note" if name == "note" and key == "text" else key)
