"""What a message asks for, in whichever dialect of HL7 v2: REF writes that into RF1, 360X into ORC, TQ1 and OBR."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from services.referrals.fhir import codes
from services.referrals.fhir.links import model
from services.referrals.fhir.outcome import Issue, Refused
from services.referrals.fhir.words import Concept
from services.referrals.hl7v2 import words
from services.referrals.hl7v2.message import Message, Segment, Value
from services.referrals.rules.phrases import plain

PRIORITIES = {"S": "stat", "A": "asap", "R": "routine", "U": "urgent"}
PRIORITY_WORDS = (("stat", "stat"), ("emergen", "stat"), ("urgent", "urgent"), ("asap", "asap"))
GRAVEST = ("stat", "urgent", "asap", "routine")
MOST_LETTERS = 20_000
"""Of one note."""

Places = tuple[tuple[str, str], ...]
"""The field that each FHIR element is told by."""

WHOSE: Places = (
    (r".*Patient\.identifier", "PID-3"), (r".*Patient\.name", "PID-5"), (r".*Patient\.telecom", "PID-13"),
    (r"ServiceRequest\.note", "NTE-3"), (r"ServiceRequest\.code", "OBR-4"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a message says of the request itself; `status` and `priority` in FHIR's words.

    `segment` is the one that asks, `nobody` says that it need not tell whom it is for: it takes back what is known.
    """

    message: Message
    segment: str
    places: Places
    numbers: list[dict[str, Any]]
    status: Literal["active", "revoked", "completed"]
    priority: str
    code: dict[str, Any]
    authored: str | None
    reasons: Sequence[Value]
    texts: Sequence[str]
    nobody: bool = False


def numbers(places: Iterable[tuple[Segment, int]]) -> list[dict[str, Any]]:
    """This will give the placer's numbers in some fields; a day in the place of one is none."""
    found = [segment.value(field) for segment, field in places]
    return [number for each in found if not _is_moment(each) and (number := words.identifier(each))]


def _is_moment(written: Value) -> bool:
    """This will say whether a day stands there, or alone a minute or second: with who gave it, that is a number."""
    text = written.text()
    return words.is_day(text) and (len(text) == len("20261123") or len(written.parts) == 1)


def soonest(coded: Iterable[Value]) -> str:
    """This will give how soon; where codes and words contradict each other, the sooner."""
    told = {"routine"}
    for each in coded:
        text = plain(f"{each.text(2)} {each.text(1) if len(each.text(1)) > 1 else ''}")
        told |= {PRIORITIES.get(each.text(1).upper(), "routine")}
        told |= {soon for word, soon in PRIORITY_WORDS if word in text}
    return next(each for each in GRAVEST if each in told)


def text_of(written: Value) -> dict[str, Any]:
    """This will give what is written in words as a concept without a code."""
    return {"text": written.whole()[:MOST_LETTERS]}


def ours_among(found: Iterable[dict[str, Any]], place: str) -> dict[str, Any] | None:
    """This will choose the first of some services that is peer support; Refused with its `place` where one is none."""
    try:
        return next((each for each in found if codes.is_peer_support(model(Concept, each, place), [], [])), None)
    except Refused as wrong:
        raise Refused(wrong.status, [Issue(each.code, place, each.remedy) for each in wrong.issues]) from None


def diagnoses(message: Message) -> list[Value]:
    """This will give what the person lives with: coded, and in words."""
    return [each for segment in message.every("DG1") for field in (3, 4) for each in segment.values(field)]
