"""What comes along in a message, as FHIR resources: the person, insurances, a stay, answers about danger."""

import re
from collections.abc import Iterator
from typing import Any

from services.referrals.fhir import codes, risk
from services.referrals.hl7v2 import words
from services.referrals.hl7v2.message import Message, Segment, Value
from services.referrals.rules.phrases import may_mean_danger, plain

TAKEN_BACK = {"D", "W", "X"}
"""OBX-11 of a result that was deleted, is wrong, or cannot be had: it may tell of danger, never that there is none."""
OURS = "ALONGSIDE"
"""The coding system of our own question about danger."""
OUR_QUESTION = {"coding": [{"system": codes.RISK_SYSTEM, "code": "risk"}]}

YES, NO = {"y", "yes", "true", "si", "1"}, {"n", "no", "false", "0"}
PERSON = "patient"
"""The id of the Patient."""


def contained(message: Message) -> tuple[list[dict[str, Any]], list[str]]:
    """This will give what came along, and the segment that each came from."""
    made = [*_patients(message), *_covers(message), *_stays(message), *_answers(message)]
    return [each for _, each in made], [place for place, _ in made]


Made = Iterator[tuple[str, dict[str, Any]]]


def _patients(message: Message) -> Made:
    pid = message.first("PID")
    if pid is None:
        return
    numbers = [words.identifier(each, authority=4) for field in (3, 2, 4) for each in pid.values(field)]
    reaches = [words.contact(each) for field in (40, 13) for each in pid.values(field)]
    reaches += [words.contact(each, at_work=True) for each in pid.values(14)]
    spoken = words.language(pid.value(15))
    yield (
        "PID",
        {
            "resourceType": "Patient",
            "id": PERSON,
            "identifier": [each for each in numbers if each],
            "name": [words.name(each) for each in pid.values(5)],
            "birthDate": words.day(pid.text(7)),
            "gender": words.GENDERS.get(pid.text(8).upper()),
            "telecom": [each for each in reaches if each],
            "communication": [{"language": {"coding": [{"code": spoken}]}, "preferred": True}] if spoken else [],
            "deceasedBoolean": pid.text(30).upper() == "Y" or bool(pid.text(29)),
        },
    )


def _covers(message: Message) -> Made:
    more, granted = message.first("IN2"), message.first("AUT")
    for each in message.every("IN1"):
        members = [each.text(49), each.text(36)]
        numbered = [{"type": {"coding": [{"code": "MB"}]}, "value": more.text(61)}] if more and more.text(61) else []
        payer = each.text(4) or each.text(3)
        yield (
            each.place,
            {
                "resourceType": "Coverage",
                "status": "active",
                "identifier": numbered,
                "subscriberId": next(filter(None, members), None),
                "payor": [{"display": payer[: words.SHORT]}] if payer else [],
                "class": [{"type": {"coding": [{"code": "plan"}]}, "value": each.text(2)}] if each.text(2) else [],
                "period": {"start": words.day(each.text(12)), "end": words.day(each.text(13))},
                "extension": list(_granted(granted)) if granted else [],
            },
        )


def _granted(authorisation: Segment) -> Iterator[dict[str, Any]]:
    if number := authorisation.text(6):
        yield {"url": codes.EXTENSION + "authorisation", "valueString": number[: words.SHORT]}
    if re.fullmatch(r"\d{1,5}", authorisation.text(9)):
        yield {"url": codes.EXTENSION + "authorised-units", "valueInteger": int(authorisation.text(9))}


def _stays(message: Message) -> Made:
    for each in message.every("PV1"):
        if left := words.moment(each.text(45)):
            yield each.place, {"resourceType": "Encounter", "period": {"end": left}}


def _answers(message: Message) -> Made:
    """This will give the answers about danger, each one of those that stand in a field."""
    for each in message.every("OBX"):
        asked = words.concept(each.value(3))
        known = {coding["code"] for coding in asked["coding"]}
        ours = each.text(3).lower() == "risk" and each.text(3, 3).upper() == OURS
        for given in each.values(5) or [Value()]:
            told = given.text(1).lower()
            if ours and not (told == "none" and each.text(11).upper() in TAKEN_BACK):
                answer = {"valueCodeableConcept": {"coding": [{"code": told}]}}
                yield f"{each.place}-5", _observation(OUR_QUESTION, answer)
            elif known & risk.ASKED or _names_danger(asked):
                yield f"{each.place}-5", _observation(asked, _answer(given))


def _names_danger(asked: dict[str, Any]) -> bool:
    words = [asked["text"], *(each["display"] for each in asked["coding"])]
    return may_mean_danger(each for each in words if each)


def _observation(asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Observation", "code": asked, **answer}


def _answer(given: Value) -> dict[str, Any]:
    text = given.text(1).lower()
    first = next(iter(plain(text).split()), "")
    yes = text in YES or (first.isalpha() and first in YES)
    if yes or text in NO:
        number = {"valueInteger": int(text)} if text.isdigit() else {}
        return {"valueBoolean": yes, **number}
    if re.fullmatch(r"\d{1,3}(\.0+)?", text):
        return {"valueInteger": int(float(text))}
    is_low = "low" in plain(f"{text} {given.text(2)}").split()
    return {"valueCodeableConcept": {"coding": [{"code": risk.LOW}]} if is_low else words.concept(given)}
