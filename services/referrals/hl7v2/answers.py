"""What a sender of HL7 v2 is answered: RRI with what became of a referral, or what was wrong and where (MSA, ERR)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.referrals.fhir.outcome import Code, Issue, Refused
from services.referrals.hl7v2.message import CONTROL, Message
from services.referrals.rules.order import Identifier

Acknowledgement = Literal["AA", "AE", "AR"]
"""Accepted; an error in what was sent; not processed, and to be sent again or elsewhere (HL7 table 0008)."""

ERRORS: dict[Code, tuple[str, str]] = {
    "required": ("101", "Required field missing"),
    "value": ("102", "Data type error"),
    "code-invalid": ("103", "Table value not found"),
    "not-supported": ("200", "Unsupported message type"),
    "not-found": ("204", "Unknown key identifier"),
    "duplicate": ("205", "Duplicate key identifier"),
}
"""HL7 table 0357; everything else is 207."""

PLACE = re.compile(r"([A-Z][A-Z0-9]{2})(?:\((\d+)\))?(?:-(\d+))?")
STATUSES = {
    "accepted": "A", "in-progress": "A", "completed": "A", "rejected": "R", "cancelled": "R", "entered-in-error": "R",
    "failed": "R",
}  # fmt: skip
"""Task.status as HL7 table 0283; everything else is P, pending."""

OURS, PART2 = "ALONGSIDE", "42CFRPart2"
LINE = "\r"


@dataclass(frozen=True)
class Standing:
    """Where a referral stands: our id, its sender's, the Task's status, and what the sender is to read.

    `notice` is the statement that goes with records under 42 CFR Part 2 (§ 2.32), with the scope of the consent.
    """

    referral_id: UUID
    identifier: Identifier | None
    status: str
    told: str
    notice: str = ""


def accepted(message: Message, standing: Standing, *, at: datetime, answer_id: UUID) -> bytes:
    """This will answer a referral that was taken in, or whose status was asked for."""
    number, system = _number(standing.identifier)
    lines = [
        _header(message, at, answer_id, label=PART2 if standing.notice else ""),
        _line("MSA", "AA", message.control_id),
        _line(
            "RF1", STATUSES.get(standing.status, "P"), "", "", "", "", [number, system], "", "", _moment(at), "",
            [str(standing.referral_id), OURS],
        ),
        _line("NTE", "1", "", standing.told),
        *([_line("NTE", "2", "", standing.notice)] if standing.notice else []),
    ]  # fmt: skip
    return _written(lines)


def _number(identifier: Identifier | None) -> tuple[str, str]:
    return (identifier.value, identifier.system) if identifier else ("", "")


def refused(message: Message | None, wrong: Refused, *, at: datetime, answer_id: UUID) -> bytes:
    """This will answer what could not be taken in: AR where it is to be sent again, or is no message of ours."""
    again = wrong.status in (503, 429, 400, 413) or any(each.code == "not-supported" for each in wrong.issues)
    control_id = message.control_id if message else ""
    lines = [_header(message, at, answer_id), _line("MSA", "AR" if again else "AE", control_id)]
    return _written([*lines, *map(_error, wrong.issues)])


def _error(issue: Issue) -> str:
    code, words = ERRORS.get(issue.code, ("207", "Application error"))
    found = PLACE.match(issue.expression)
    segment, number, field = (found[1], found[2] or "1", found[3] or "") if found else ("", "", "")
    remedy = f"{issue.expression}: {issue.remedy}" if issue.expression else issue.remedy
    return _line("ERR", "", [segment, number, field], [code, words, "HL70357"], "E", "", "", "", remedy)


def _header(message: Message | None, at: datetime, answer_id: UUID, *, label: str = "") -> str:
    """This will begin an answer: from whom it was sent to, to whom it came from, in their version."""
    number = answer_id.hex[:20]
    if message is None:
        return f"MSH|^~\\&|{OURS}||||{_moment(at)}||ACK|{number}|P|2.5.1||||||UNICODE UTF-8"
    header, (code, event) = message.header, message.kind
    kind = ["RRI", event, f"RRI_{event}"] if code == "REF" and event else ["ACK", event, "ACK"] if event else ["ACK"]
    ends = [[header.text(place, part) for part in (1, 2, 3)] for place in (5, 6, 3, 4)]
    fields: list[str | list[str]] = [
        *ends,
        _moment(at),
        label,
        kind,
        number,
        header.text(11) or "P",
        header.text(12) or "2.5.1",
    ]
    return f"MSH|^~\\&{_line('', *fields)}||||||UNICODE UTF-8"


def _line(name: str, *fields: str | list[str]) -> str:
    return "|".join([name, *(_field(each) for each in fields)]).rstrip("|")


def _field(value: str | list[str]) -> str:
    return "^".join(map(_escaped, value)).rstrip("^") if isinstance(value, list) else _escaped(value)


ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": "\\.br\\", "\n": "\\.br\\"}


def _escaped(text: str) -> str:
    return CONTROL.sub("", "".join(ESCAPES.get(each, each) for each in text))


def _moment(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S%z")


def _written(lines: Iterable[str]) -> bytes:
    return (LINE.join(lines) + LINE).encode()
