"""HL7 v2 messages as a hospital's interface engine writes them, unless told otherwise."""

from typing import Any

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


def event(name: str, control_id: str = "MSG-1") -> str:
    """An MSH of another event."""
    return SEGMENTS["MSH"].replace("I12", name).replace("MSG-1", control_id)
