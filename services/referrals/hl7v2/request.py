"""A message that refers somebody as the FHIR ServiceRequest it means, as HL7's v2-to-FHIR maps it."""

import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from pydantic import ValidationError

from services.referrals.fhir.links import Found, Links
from services.referrals.fhir.outcome import Issue, Refused, refuse
from services.referrals.fhir.request import order_of
from services.referrals.hl7v2 import omg, ref, words
from services.referrals.hl7v2.asked import MOST_LETTERS, Asked
from services.referrals.hl7v2.contained import PERSON, contained
from services.referrals.hl7v2.message import Message
from services.referrals.rules.order import Identifier, ReferralOrder
from services.referrals.rules.phrases import may_mean_danger

RESULTS = {"OBR", "OBX", "PRT", "SPM", "AL1", "IAM", "PR1"}
"""A note after one of these is about a result, not about the referral."""

ORDERS = {("OMG", "O19"), ("OMG", ""), ("OSU", "O51"), ("OSU", "")}
"""What 360X sends."""

TRIALS = ("T", "D")
"""Training and debugging (HL7 table 0103)."""

KINDS = "send REF^I12, REF^I13, REF^I14 or REF^I15, OMG^O19, or OSU^O51 to take an order back"
BUS_KINDS = "send REF^I12, REF^I13, REF^I14, OMG^O19 or OSU^O51; ask where a referral stands over MLLP"


def is_order(message: Message) -> bool:
    """This will say whether a message speaks 360X: it is answered in its words."""
    return message.kind in ORDERS


def is_question(message: Message) -> bool:
    """This will say whether a message asks where a referral stands; Refused where it is no message of ours."""
    code, event = message.kind
    if not is_order(message) and (code != "REF" or event not in (*ref.EVENTS, ref.STATUS)):
        raise refuse("not-supported", "MSH-9", KINDS)
    return omg.is_question(message) if is_order(message) else event == ref.STATUS


def order(message: Message) -> ReferralOrder:
    """This will read a referral; Refused names the segment and field that is wrong."""
    if is_order(message) and omg.is_question(message):
        raise refuse("not-supported", "ORC-1", BUS_KINDS)
    if not is_order(message) and (message.kind[0] != "REF" or message.kind[1] not in ref.EVENTS):
        raise refuse("not-supported", "MSH-9", BUS_KINDS)
    asked = omg.asked(message) if is_order(message) else ref.asked(message)
    if message.first("PID") is None and not asked.nobody:
        raise refuse("required", "PID", "send the PID segment: whom the referral is for")
    inside, places = contained(message)
    if message.first("PID") is None:
        inside, places = [*inside, {"resourceType": "Patient", "id": PERSON}], [*places, asked.segment]
    try:
        read = order_of(Found("ServiceRequest", "ServiceRequest", _request(asked, inside), ()), Links([]))
    except Refused as wrong:
        raise Refused(wrong.status, [_placed(each, places, asked) for each in wrong.issues]) from None
    return read.model_copy(update={"namespace": _namespace(asked)})


def _namespace(asked: Asked) -> str:
    """This will give what whoever gave the number is called besides: of the first, which is the one that counts."""
    return next((str(each["namespace"]) for each in asked.numbers), "").strip()[: words.SHORT]


def _request(asked: Asked, inside: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "identifier": asked.numbers,
        "status": asked.status,
        "intent": "order",
        "priority": asked.priority,
        "code": asked.code,
        "authoredOn": asked.authored,
        "reasonCode": [words.concept(each) for each in asked.reasons],
        "note": [{"text": each} for each in _notes(asked)],
        "subject": {"reference": f"#{PERSON}"},
        "meta": {"security": [{"code": each} for each in _labels(asked.message)]},
        "contained": inside,
    }


def asked_about(message: Message) -> Identifier:
    """This will read whose status is asked for: the placer's number."""
    place = place_of_number(message)
    numbers = omg.asked_about(message) if is_order(message) else ref.asked_about(message)
    if not numbers:
        raise refuse("required", place, "name the referral by the number you sent it with")
    try:
        return Identifier(system=numbers[0]["system"], value=numbers[0]["value"])
    except ValidationError:
        raise refuse("too-long", place, "name the referral by the number you sent it with") from None


def place_of_number(message: Message) -> str:
    """This will give the field that holds the placer's number."""
    return "ORC-2" if is_order(message) else "RF1-6"


def _placed(issue: Issue, places: list[str], asked: Asked) -> Issue:
    """This will tell an issue by the segment it came from."""
    inside = re.match(r"ServiceRequest\.contained\[(\d+)\]", issue.expression)
    place = places[int(inside[1])] if inside else asked.segment
    for pattern, field in asked.places:
        if re.match(pattern, issue.expression):
            place = field
    return Issue(issue.code, place, issue.remedy)


def _notes(asked: Asked) -> list[str]:
    """This will give what people are to read: of results only what may mean danger."""
    told, results = [], []
    for (about_result, _), texts in groupby(_written(asked.message), key=itemgetter(0)):
        text = "\n".join(each for _, each in texts)
        if not about_result:
            told.append(text)
        elif may_mean_danger([text]):
            results.append(text)
    return [piece for each in (*asked.texts, "\n".join(told), "\n".join(results)) for piece in _pieces(each)]


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


def marked(message: Message) -> str:
    """This will give the field that says of a message that it is a test (MSH-11 T or D, MSH-8 HTEST); nothing else."""
    if message.header.text(11).upper() in TRIALS:
        return "MSH-11"
    return "MSH-8" if "HTEST" in [each.text(1) for each in message.header.values(8)] else ""
