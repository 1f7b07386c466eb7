"""What a REF message asks for: RF1, also where its fields stand one place beside where they belong."""

from dataclasses import replace
from typing import Any

from services.referrals.fhir.outcome import refuse
from services.referrals.hl7v2 import words
from services.referrals.hl7v2.asked import (
    PRIORITIES,
    WHOSE,
    Asked,
    Places,
    diagnoses,
    numbers,
    ours_among,
    soonest,
    text_of,
)
from services.referrals.hl7v2.message import Message, Segment

STATUSES = {"A", "P", "R", "E"}
EVENTS = ("I12", "I13", "I14")
"""New, changed, cancelled."""

STATUS = "I15"
"""Asks where a referral stands."""

REASON, REASON_TEXTS = 10, (14, 24)
"""Fields of RF1 that say why: coded, and the places where different versions write it in words."""

PLACES: Places = ((r"ServiceRequest\.identifier", "RF1-6"), (r"ServiceRequest\.reasonCode", "DG1-3"), *WHOSE)


def asked(message: Message) -> Asked:
    """This will read what a REF asks for; Refused where there is no RF1, without which it is no referral."""
    referral = _aligned(message)
    found, taken_back = _numbers(referral), message.kind[1] == "I14"
    if taken_back and not found:
        raise refuse("required", "RF1-6", "send the number of the referral that is to be taken back")
    return Asked(
        message=message,
        segment="RF1",
        places=PLACES,
        numbers=found,
        status="revoked" if taken_back else "active",
        priority=soonest([referral.value(2)]),
        code=_service(message, referral),
        authored=words.moment(referral.text(9)) or words.moment(referral.text(7)),
        reasons=[*referral.values(REASON), *diagnoses(message)],
        texts=[each.whole() for field in REASON_TEXTS for each in referral.values(field)],
    )


def asked_about(message: Message) -> list[dict[str, Any]]:
    """This will read whose status is asked for: the placer's number in RF1-6, or in OBR-2 where there is no RF1."""
    mine = _numbers(_aligned(message)) if message.first("RF1") else []
    return mine + [each for segment in message.every("OBR") if (each := words.identifier(segment.value(2)))]


def _numbers(referral: Segment) -> list[dict[str, Any]]:
    """This will give the placer's number: RF1-6, and RF1-11 where a day stands in its place."""
    return numbers([(referral, 6), (referral, 11)])


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


def _service(message: Message, referral: Segment) -> dict[str, Any]:
    """This will give the service asked for: the first that is ours, else another's, else just "a referral"."""
    named = [referral.value(3), referral.value(REASON)]
    named += [each.value(4) for each in message.every("OBR")] + [each.value(3) for each in message.every("PR1")]
    found = [words.concept(each) for each in named if each]
    found += [text_of(each) for field in REASON_TEXTS for each in referral.values(field)]
    if ours := ours_among(found, "RF1"):
        return ours
    elsewhere = referral.text(3).upper() not in ("", "PSY") and found
    return found[0] if elsewhere else {"coding": [{"code": "57133-1"}]}
