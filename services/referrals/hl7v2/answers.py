"""What a sender of HL7 v2 is answered: what became of a referral (RRI, or OSU in 360X), or what was wrong and where."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from services.referrals.fhir.outcome import Code, Issue, Refused
from services.referrals.hl7v2 import omg
from services.referrals.hl7v2.message import CONTROL, Message
from services.referrals.hl7v2.request import is_order, is_question
from services.referrals.rules.order import Identifier
from services.referrals.rules.seeing import UNKNOWN

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

ORDERS: dict[str, tuple[str, str]] = {
    "accepted": ("OK", "IP"), "in-progress": ("SC", "IP"), "completed": ("SC", "CM"), "rejected": ("UA", "CA"),
    "cancelled": ("CR", "CA"), "entered-in-error": ("CR", "CA"), "failed": ("UA", "CA"),
}  # fmt: skip
"""Task.status as ORC-1 and ORC-5 (HL7 tables 0119 and 0038)."""

HELD, ENDED, NOT_FOUND = ("SC", "HD"), ("OC", "CA"), ("UC", "ER")
"""What else an order's status may be: on hold; ended by people at the programme, unasked; not known."""

ENDED_HERE = ("closed", "linked")
"""The business status of what people at the programme ended."""

BACK, UNCHANGED, ASKED = "CR", "UC", "SR"
"""ORC-1 where it was to be taken back, and is, or is not; or was asked for."""

OURS, PART2, PROFILE, TEST = "ALONGSIDE", "42CFRPart2", "360X", "HTEST"
NOBODY = "For tests: nobody is helped by this. What is about a person is sent on the line of your own organisation."
LINE = "\r"


@dataclass(frozen=True)
class Standing:
    """Where a referral stands: our id, its sender's, the Task's status, and what the sender is to read.

    `business` is its own code for that, `reason` a part of what is to be read, `code` the code of that; `namespace` is
    what the number's giver is called besides. `test` says that an organisation for tests sent it. `notice` is the
    statement that goes with records under 42 CFR Part 2 (§ 2.32), with the scope of the consent.
    """

    referral_id: UUID
    identifier: Identifier | None
    status: str
    business: str
    told: str
    reason: str = ""
    code: str = ""
    namespace: str = ""
    notice: str = ""
    test: bool = False


def told(message: Message, standing: Standing, *, at: datetime, answer_id: UUID) -> list[bytes]:
    """This will answer a referral that was taken in, or whose status was asked for.

    360X has two messages for it, ACK and OSU; who does not say that they speak it waits for one answer to each.
    """
    if not is_order(message):
        return [_of_referral(message, standing, at, answer_id)]
    if not _speaks_360x(message):
        return [_of_order(message, standing, at, answer_id, _line("MSA", "AA", message.control_id))]
    acknowledged = [
        _header(message, at, answer_id, labels=_labels(test=standing.test)),
        _line("MSA", "AA", message.control_id),
    ]
    return [_written(acknowledged), _of_order(message, standing, at, uuid5(answer_id, "status"))]


def _speaks_360x(message: Message) -> bool:
    return any(each.text(1).upper() == PROFILE for each in message.header.values(21))


def _of_referral(message: Message, standing: Standing, at: datetime, answer_id: UUID) -> bytes:
    number, system = _number(standing.identifier)
    lines = [
        _header(message, at, answer_id, kind="RRI", labels=_label(standing)),
        _line("MSA", "AA", message.control_id),
        _line(
            "RF1", STATUSES.get(standing.status, "P"), "", "", "", "", [number, system], "", "", _moment(at), "",
            [str(standing.referral_id), OURS],
        ),
        *_notes(standing),
    ]  # fmt: skip
    return _written(lines)


def _of_order(message: Message, standing: Standing, at: datetime, answer_id: UUID, *acknowledged: str) -> bytes:
    """This will say where an order stands, with the reason where it is over, or not known."""
    control, status = _stands(standing)
    if is_question(message):
        control = ASKED
    elif omg.takes_back(message) and control != BACK:
        control = UNCHANGED
    why = ["", standing.reason] if status in ("CA", "CM", "ER") else ""
    filler = [str(standing.referral_id), OURS]
    lines = [
        _header(message, at, answer_id, kind="OSU", labels=_label(standing)),
        *acknowledged,
        *_notes(standing),
        _line("ORC", control, _entity(standing), filler, "", status, *[""] * 3, _moment(at), *[""] * 6, why),
    ]
    return _written(lines)


def _stands(standing: Standing) -> tuple[str, str]:
    if standing.code == UNKNOWN:
        return NOT_FOUND
    return ENDED if standing.business in ENDED_HERE else ORDERS.get(standing.status, HELD)


def _entity(standing: Standing) -> list[str]:
    """This will give the sender's number as they wrote it: with a name, an OID or an address of who gave it."""
    number, system = _number(standing.identifier)
    if system.startswith("urn:oid:"):
        return [number, standing.namespace, system.removeprefix("urn:oid:"), "ISO"]
    return [number, standing.namespace, system, "URI"] if ":" in system else [number, system]


def _notes(standing: Standing) -> list[str]:
    words = (standing.told, standing.notice, NOBODY if standing.test else "")
    return [_line("NTE", str(place), "", each) for place, each in enumerate(filter(None, words), 1)]


def _label(standing: Standing) -> str:
    return _labels(test=standing.test, part2=bool(standing.notice))


def _labels(*, test: bool, part2: bool = False) -> str:
    """This will give what MSH-8 says: of a test too, for MSH-11 is the sender's own."""
    return "~".join([*([TEST] if test else []), *([PART2] if part2 else [])])


def _number(identifier: Identifier | None) -> tuple[str, str]:
    return (identifier.value, identifier.system) if identifier else ("", "")


def refused(message: Message | None, wrong: Refused, *, at: datetime, answer_id: UUID, test: bool = False) -> bytes:
    """This will answer what could not be taken in: AR where it is to be sent again, or is no message of ours."""
    again = wrong.status in (503, 429, 400, 413) or any(each.code == "not-supported" for each in wrong.issues)
    control_id = message.control_id if message else ""
    kind = "RRI" if message and message.kind[0] == "REF" and message.kind[1] else "ACK"
    lines = [
        _header(message, at, answer_id, kind=kind, labels=_labels(test=test)),
        _line("MSA", "AR" if again else "AE", control_id),
    ]
    return _written([*lines, *map(_error, wrong.issues)])


def _error(issue: Issue) -> str:
    code, words = ERRORS.get(issue.code, ("207", "Application error"))
    found = PLACE.match(issue.expression)
    segment, number, field = (found[1], found[2] or "1", found[3] or "") if found else ("", "", "")
    remedy = f"{issue.expression}: {issue.remedy}" if issue.expression else issue.remedy
    return _line("ERR", "", [segment, number, field], [code, words, "HL70357"], "E", "", "", "", remedy)


def _header(message: Message | None, at: datetime, answer_id: UUID, *, kind: str = "ACK", labels: str = "") -> str:
    """This will begin an answer: from whom it was sent to, to whom it came from, in their version."""
    number = answer_id.hex[:20]
    if message is None:
        return f"MSH|^~\\&|{OURS}||||{_moment(at)}|{labels}|ACK|{number}|P|2.5.1||||||UNICODE UTF-8"
    header, event = message.header, "O51" if kind == "OSU" else message.kind[1]
    structure = "ACK" if kind == "ACK" else f"{kind}_{event}"
    ends = [[header.text(place, part) for part in (1, 2, 3)] for place in (5, 6, 3, 4)]
    answered: list[str | list[str]] = [
        [kind, event, structure] if event else [kind],
        number,
        header.text(11) or "P",
        header.text(12) or "2.5.1",
    ]
    profile = f"|||{PROFILE}" if _speaks_360x(message) else ""
    sent = _line("", *ends, _moment(at))
    return f"MSH|^~\\&{sent}|{labels}{_line('', *answered)}||||||UNICODE UTF-8{profile}"


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
