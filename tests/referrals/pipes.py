"""HL7 v2 messages as a hospital's interface engine writes them, unless told otherwise."""

from collections.abc import Mapping
from typing import Any

import pytest

from services.referrals.reading import Refused, read
from services.referrals.rules.order import ReferralOrder

HL7 = "application/hl7-v2"

SEGMENTS = {
    "MSH": r"MSH|^~\&|EPIC|GENERAL HOSPITAL|ALONGSIDE|PEER SUPPORT|20260302120000-0500||REF^I12^REF_I12|MSG-1|P|2.5.1",
    "RF1": "RF1|P^Pending^HL70283|R^Routine^HL70280|PSY^Psychiatric^HL70281||O^Outpatient^HL70284|R-1^EPIC"
    "|20260302||20260302|461481000124109^Referral to peer support^SCT",
    "PRD": "PRD|RP^Referring provider^HL70286|WARD^ROBIN^^^DR|||555-0144",
    "PID": "PID|1||M-1^^^GENERAL^MR||EXAMPLE^ANA^B||19900506|F|||||^PRN^CP^^1^212^5550123||es^Spanish^ISO639",
    "DG1": "DG1|1||F33.1^Major depressive disorder^I10C|||A",
    "OBX": "OBX|1|CWE|risk^Risk screen^ALONGSIDE||none^No sign of danger||||||F",
}
"""Ana's referral to peer support, screened."""


def message(*more: str, end: str = "\r", **changed: str | None) -> bytes:
    """A REF^I12 of Ana; `more` segments stand at its end, and `None` leaves one out."""
    segments: dict[str, Any] = SEGMENTS | changed
    return (end.join([each for each in segments.values() if each is not None] + list(more)) + end).encode()


ORDER = {
    "MSH": r"MSH|^~\&|EPIC|GENERAL HOSPITAL|ALONGSIDE|PEER SUPPORT|20260302120000-0500||OMG^O19^OMG_O19|ORDER-1|P|2.5.1"
    "|||NE|NE|||||360X",
    "PID": SEGMENTS["PID"],
    "ORC": "ORC|NW|R-1^EPIC|||||||20260302|||77^WARD^ROBIN^^^DR",
    "TQ1": "TQ1|1|||||||20260330|R^Routine^HL70485",
    "OBR": "OBR|1|R-1^EPIC||461481000124109^Referral to peer support^SCT",
    "DG1": SEGMENTS["DG1"],
    "OBX": SEGMENTS["OBX"],
}
"""The same referral as an order of 360X."""


def ordered(*more: str, end: str = "\r", **changed: str | None) -> bytes:
    """An OMG^O19 of Ana; `more` segments stand at its end, and `None` leaves one out."""
    segments: dict[str, Any] = ORDER | changed
    return (end.join([each for each in segments.values() if each is not None] + list(more)) + end).encode()


def unordered(*more: str, control: str = "CA", **changed: str | None) -> bytes:
    """An OSU^O51 that takes Ana's order back."""
    header = ORDER["MSH"].replace("OMG^O19^OMG_O19", "OSU^O51^OSU_O51").replace("ORDER-1", "ORDER-2")
    why = "|".join(["ORC", control, "R-1^EPIC", *[""] * 13, "^They moved away"])
    segments = {"MSH": header, "PID": ORDER["PID"], "ORC": why} | changed
    return ("\r".join([each for each in segments.values() if each is not None] + list(more)) + "\r").encode()


def event(name: str, control_id: str = "MSG-1") -> str:
    """An MSH of another event."""
    return SEGMENTS["MSH"].replace("I12", name).replace("MSG-1", control_id)


def order(raw: bytes, media: str = HL7) -> ReferralOrder:
    """The one referral of a message."""
    (posted,) = read(raw, media).posted
    return posted.order


def refusal(raw: bytes) -> tuple[str, str]:
    """Where a message is wrong, and what to do."""
    with pytest.raises(Refused) as found:
        read(raw, HL7)
    return found.value.issues[0].expression, found.value.issues[0].remedy


def changed(segments: Mapping[str, str], segment: str, number: int, value: str) -> str:
    """A segment of Ana's message with another value in one field."""
    fields = segments[segment].split("|")
    fields += [""] * (number + 1 - len(fields))
    fields[number if segment != "MSH" else number - 1] = value
    return "|".join(fields)
