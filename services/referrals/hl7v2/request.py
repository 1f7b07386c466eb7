"""A REF message as the FHIR ServiceRequest it means, with everything contained, as HL7's v2-to-FHIR maps it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from pydantic import ValidationError

from services.referrals.fhir import codes, risk
from services.referrals.fhir.links import Found, Links, model
from services.referrals.fhir.outcome import Issue, Refused, refuse
from services.referrals.fhir.request import order_of
from services.referrals.fhir.words import Concept
from services.referrals.hl7v2 import words
from services.referrals.hl7v2.message import Message, Segment, Value
from services.referrals.rules.order import Identifier, ReferralOrder
from services.referrals.rules.phrases import may_mean_danger, plain

STATUSES, PRIORITIES = {"A", "P", "R", "E"}, {"S": "stat", "A": "asap", "R": "routine", "U": "urgent"}
PRIORITY_WORDS = (("stat", "stat"), ("emergen", "stat"), ("urgent", "urgent"), ("asap", "asap"))
GRAVEST = ("stat", "urgent", "asap", "routine")
EVENTS = ("I12", "I13", "I14")
"""New, changed, cancelled."""

STATUS = "I15"
"""Asks where a referral stands."""

REASON, REASON_TEXTS = 10, (14, 24)
"""Fields of RF1 that say why: coded, and the places where different versions write it in words."""
RESULTS = {"OBR", "OBX", "PRT", "SPM", "AL1", "IAM", "PR1"}
"""A note after one of these is about a result, not about the referral."""

OURS = "ALONGSIDE"
"""The coding system of our own question about danger."""

MOST_LETTERS = 20_000
"""Of one note."""

YES, NO = {"y", "yes", "true", "si", "1"}, {"n", "no", "false", "0"}
PLACES = (
    (r"ServiceRequest\.identifier", "RF1-6"), (r"ServiceRequest\.note", "NTE-3"),
    (r"ServiceRequest\.reasonCode", "DG1-3"), (r"ServiceRequest\.code", "OBR-4"),
    (r".*Patient\.identifier", "PID-3"), (r".*Patient\.name", "PID-5"), (r".*Patient\.telecom", "PID-13"),
)  # fmt: skip


def order(message: Message) -> ReferralOrder:
    """This will read a referral; Refused names the segment and field that is wrong."""
    if message.kind[0] != "REF" or message.kind[1] not in EVENTS:
        raise refuse("not-supported", "MSH-9", "send REF^I12, REF^I13 or REF^I14, and REF^I15 over MLLP")
    referral = _aligned(message)
    if message.first("PID") is None:
        raise refuse("required", "PID", "send the PID segment: whom the referral is for")
    contained, places = _contained(message)
    try:
        request = _request(message, referral, contained)
        return order_of(Found("ServiceRequest", "ServiceRequest", request, ()), Links([]))
    except Refused as wrong:
        raise Refused(wrong.status, [_placed(each, places) for each in wrong.issues]) from None


def _request(message: Message, referral: Segment, contained: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "identifier": _identifiers(referral),
        "status": "revoked" if message.kind[1] == "I14" else "active",
        "intent": "order",
        "priority": _priority(referral.value(2)),
        "code": _asked_for(message, referral),
        "authoredOn": words.moment(referral.text(9)) or words.moment(referral.text(7)),
        "reasonCode": [words.concept(each) for each in _reasons(message, referral)],
        "note": [{"text": each} for each in _notes(message, referral)],
        "subject": {"reference": "#patient"},
        "meta": {"security": [{"code": each} for each in _labels(message)]},
        "contained": contained,
    }


def asked_about(message: Message) -> Identifier:
    """This will read whose status is asked for: the placer's number in RF1-6, or in OBR-2 where there is no RF1."""
    numbers = _identifiers(_aligned(message)) if message.first("RF1") else []
    numbers += [each for segment in message.every("OBR") if (each := words.identifier(segment.value(2)))]
    if not numbers:
        raise refuse("required", "RF1-6", "name the referral by the number you sent it with")
    try:
        return Identifier(**numbers[0])
    except ValidationError:
        raise refuse("too-long", "RF1-6", "name the referral by the number you sent it with") from None


def _placed(issue: Issue, places: list[str]) -> Issue:
    """This will tell an issue by the segment it came from."""
    inside = re.match(r"ServiceRequest\.contained\[(\d+)\]", issue.expression)
    place = places[int(inside[1])] if inside else "RF1"
    for pattern, field in PLACES:
        if re.match(pattern, issue.expression):
            place = field
    return Issue(issue.code, place, issue.remedy)


def _aligned(message: Message) -> Segment:
    """This will find the RF1, also where its fields are shifted by one: what fits its dates and codes best."""
    segment = message.first("RF1")
    if segment is None:
        raise refuse("required", "RF1", "send the RF1 segment: without it a message is no referral")
    return max((replace(segment, by=by) for by in (0, 1, -1)), key=_fits)


def _fits(tried: Segment) -> int:
    checks = (
        tried.text(1).upper() in STATUSES,
        tried.text(2).upper() in PRIORITIES,
        words.is_day(tried.text(7)),
        words.is_day(tried.text(9)),
        bool(tried.text(6)) and not words.is_day(tried.text(6)),
    )
    return sum(checks)


def _identifiers(referral: Segment) -> list[dict[str, Any]]:
    """This will give the placer's number: RF1-6, and RF1-11 where a day stands in its place."""
    found = [each for field in (6, 11) if not words.is_day(referral.text(field)) for each in [referral.value(field)]]
    return [each for value in found if (each := words.identifier(value))]


def _priority(coded: Value) -> str:
    """This will give how soon; where code and words contradict each other, the sooner."""
    text = plain(f"{coded.text(2)} {coded.text(1) if len(coded.text(1)) > 1 else ''}")
    told = {PRIORITIES.get(coded.text(1).upper(), "routine")} | {soon for word, soon in PRIORITY_WORDS if word in text}
    return next(each for each in GRAVEST if each in told)


def _asked_for(message: Message, referral: Segment) -> dict[str, Any]:
    """This will give the service asked for: the first that is ours, else another's, else just "a referral"."""
    named = [referral.value(3), referral.value(REASON)]
    named += [each.value(4) for each in message.every("OBR")] + [each.value(3) for each in message.every("PR1")]
    found = [words.concept(each) for each in named if each]
    found += [{"text": each.whole()[:MOST_LETTERS]} for field in REASON_TEXTS for each in referral.values(field)]
    ours = next((each for each in found if codes.is_peer_support(model(Concept, each, "RF1"), [], [])), None)
    if ours:
        return ours
    elsewhere = referral.text(3).upper() not in ("", "PSY") and found
    return found[0] if elsewhere else {"coding": [{"code": "57133-1"}]}


def _reasons(message: Message, referral: Segment) -> list[Value]:
    diagnoses = [each for segment in message.every("DG1") for field in (3, 4) for each in segment.values(field)]
    return [*referral.values(REASON), *diagnoses]


def _notes(message: Message, referral: Segment) -> list[str]:
    """This will give what people are to read: of results only what may mean danger."""
    told, results = [], []
    for (about_result, _), texts in groupby(_written(message), key=itemgetter(0)):
        text = "\n".join(each for _, each in texts)
        if not about_result:
            told.append(text)
        elif may_mean_danger([text]):
            results.append(text)
    reasons = [each.whole() for field in REASON_TEXTS for each in referral.values(field)]
    return [piece for each in (*reasons, "\n".join(told), "\n".join(results)) for piece in _pieces(each)]


def _pieces(text: str) -> list[str]:
    """This will cut what is longer than one note may be."""
    return [text[place : place + MOST_LETTERS] for place in range(0, len(text), MOST_LETTERS)]


def _written(message: Message) -> Iterator[tuple[tuple[bool, str], str]]:
    """This will give the lines of notes and results, and whose they are: what stands together is read together."""
    for each in message.segments:
        if each.name == "NTE":
            whose = each.after in RESULTS, f"NTE {each.after}"
            yield from ((whose, value.whole()) for value in each.values(3))
        elif each.name == "OBX":
            yield from (((True, f"OBX {each.text(3)}"), value.whole()) for value in each.values(5))


def _labels(message: Message) -> list[str]:
    """This will give the security labels: of the message (MSH-8, MSH-26) and its access restrictions (ARV-3)."""
    tagged = [*message.header.values(8), *message.header.values(26)]
    tagged += [each for segment in message.every("ARV") for each in segment.values(3)]
    return [each.text(1) for each in tagged if each.text(1)]


def _contained(message: Message) -> tuple[list[dict[str, Any]], list[str]]:
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
            "id": "patient",
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
    """This will give the answers about danger."""
    for each in message.every("OBX"):
        asked = words.concept(each.value(3))
        known = {coding["code"] for coding in asked["coding"]}
        if each.text(3).lower() == "risk" and each.text(3, 3).upper() == OURS:
            answer = {"valueCodeableConcept": {"coding": [{"code": each.text(5).lower()}]}}
            yield f"{each.place}-5", _observation({"coding": [{"system": codes.RISK_SYSTEM, "code": "risk"}]}, answer)
        elif known & {*risk.YES_ITEMS, risk.LEVEL, risk.PHQ9_NINTH}:
            yield f"{each.place}-5", _observation(asked, _answer(each.value(5)))


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
