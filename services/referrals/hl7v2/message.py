"""An HL7 v2 message as partners write it: tidied, parsed by python-hl7, and given piece by piece.

Only segments that we use are parsed. Line ends, character sets and missing pieces are forgiven; what is no message at
all is refused with the place (`MSH-9`) and the remedy.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import hl7

from services.referrals.fhir.outcome import Refused, refuse

READ = {"MSH", "RF1", "ORC", "TQ1", "AUT", "PID", "IN1", "IN2", "DG1", "PR1", "OBR", "OBX", "PV1", "NTE", "ARV"}
LAST_READ = {"OBX": 11}
"""Where many segments have long ends that we do not use, the last field that is parsed."""
MOST_BYTES, MOST_SEGMENTS, MOST_OF_A_HEADER = 1_048_576, 2_000, 4_096
SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
ENDS = re.compile(r"\r\n|\r|\n")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CHARSETS = {f"8859/{number}": f"iso8859-{number}" for number in (*range(1, 12), 13, 14, 15)}
"""HL7 table 0211, as far as it is not Unicode."""

LEADING = b"\xef\xbb\xbf\x0b \t\r\n"
NULL = '""'
"""How HL7 v2 says that something is to be deleted: for us, that it says nothing."""

USUAL = "|^~\\&"
ESCAPED = re.compile(r"([HNFRSTE])|X((?:[0-9A-Fa-f]{2})+)|(\.[A-Za-z]{2})[+-]?\d*|[ZCM][0-9A-Za-z]+")
BREAKS = (".br", ".sp", ".ce")


@dataclass(frozen=True)
class Value:
    """One repetition of a field: its components, each a list of subcomponents, without escapes."""

    parts: tuple[tuple[str, ...], ...] = ()

    def text(self, component: int = 1, subcomponent: int = 1) -> str:
        """This will give one piece, without the spaces around it; empty where there is none."""
        try:
            return self.parts[component - 1][subcomponent - 1].strip()
        except IndexError:
            return ""

    def whole(self) -> str:
        """This will give it as people wrote it, also where they used a delimiter as a letter."""
        return "^".join("&".join(each) for each in self.parts).strip()

    def __bool__(self) -> bool:
        return any(each.strip() for part in self.parts for each in part)


@dataclass(frozen=True)
class Segment:
    """A segment: `place` names it in what is told, `after` is the name of the segment before it that was no note.

    Its fields stand `by` places beside where they belong.
    """

    name: str
    place: str
    after: str
    parsed: Any
    by: int = 0
    _read: dict[int, list[Value]] = field(default_factory=dict, repr=False, compare=False)

    def values(self, field: int) -> list[Value]:
        """This will give the repetitions of a field that say something."""
        place = field + self.by
        if place not in self._read:
            self._read[place] = self._values(place)
        return self._read[place]

    def _values(self, place: int) -> list[Value]:
        if not 0 < place < len(self.parsed):
            return []
        repeated = _pieces(self.parsed[place])
        found = [Value(tuple(_subcomponents(part, self.parsed) for part in _pieces(each))) for each in repeated]
        return [each for each in found if each]

    def value(self, field: int) -> Value:
        """This will give the first repetition of a field."""
        return next(iter(self.values(field)), Value())

    def text(self, field: int, component: int = 1) -> str:
        """This will give a component of the first repetition of a field."""
        return self.value(field).text(component)


def _pieces(container: Any) -> Sequence[Any]:
    return [container] if isinstance(container, str) else container


def _subcomponents(component: Any, parsed: Any) -> tuple[str, ...]:
    pieces = ("" if each == NULL else each for each in _pieces(component))
    return tuple(_plain(each, parsed.esc, parsed.separators) for each in pieces)


def _plain(written: str, escape: str, separators: str) -> str:
    """This will resolve escape sequences; what is none stays as it was written, for no word may be lost.

    python-hl7's own way writes what it cannot resolve to the log.
    """
    if escape not in written:
        return written
    pieces, place = written.split(escape), 1
    told = [pieces[0]]
    while place < len(pieces) - 1:
        found = _resolved(pieces[place], separators, escape)
        # Where it is no sequence, the mark that would end it may begin the next.
        told += [escape, pieces[place]] if found is None else [found, pieces[place + 1]]
        place += 1 if found is None else 2
    return "".join([*told, *(escape + each for each in pieces[place:])])


def _resolved(sequence: str, separators: str, escape: str) -> str | None:
    found = ESCAPED.fullmatch(sequence)
    if not found:
        return None
    if found[1]:
        return {**dict(zip("FRST", separators[1:5], strict=True)), "E": escape}.get(found[1], "")
    if found[2]:
        return CONTROL.sub("", bytes.fromhex(found[2]).decode("utf-8", "replace"))
    return "\n" if found[3] and found[3].lower() in BREAKS else " " if found[3] else ""


@dataclass(frozen=True)
class Message:
    """A message: `segments` are those we read, in order."""

    segments: tuple[Segment, ...]

    @property
    def header(self) -> Segment:
        """This will give the MSH."""
        return self.segments[0]

    def every(self, name: str) -> Iterator[Segment]:
        """This will give the segments of a name, wherever they stand."""
        return (each for each in self.segments if each.name == name)

    def first(self, name: str) -> Segment | None:
        """This will give the first segment of a name."""
        return next(self.every(name), None)

    @cached_property
    def kind(self) -> tuple[str, str]:
        """This will give the message's code and event: ("REF", "I12")."""
        kind = self.header.value(9)
        code, event = kind.text(1), kind.text(2)
        if not event:
            code, _, event = code.replace("_", "^").partition("^")
        return code.upper(), event.upper()

    @property
    def control_id(self) -> str:
        """This will give the sender's number of the message (MSH-10); empty where it gave none."""
        return self.header.text(10)


def begins(raw: bytes) -> bool:
    """This will say whether something posted is meant as an HL7 v2 message."""
    return raw[:64].lstrip(LEADING).startswith(b"MSH")


def read(raw: bytes) -> Message:
    """This will read one message; Refused where it is none."""
    if len(raw) > MOST_BYTES:
        raise refuse("too-long", "MSH", f"send at most {MOST_BYTES:,} bytes a message", status=413)
    lines = _lines(_decoded(raw))
    _refuse_strange(lines)
    kept = list(_kept(lines))
    try:
        parsed = hl7.parse("\r".join(line for *_, line in kept))
    except (hl7.ParseException, AssertionError, IndexError, ValueError, RecursionError):
        raise _no_message() from None
    segments = (
        Segment(line[:3], place, after, found) for (place, after, line), found in zip(kept, parsed, strict=True)
    )
    return Message(tuple(segments))


def heading(raw: bytes) -> Message | None:
    """This will give the MSH alone of what cannot be read, so that its sender knows the answer; None without one."""
    line = CONTROL.sub(" ", ENDS.split(_decoded(raw[:MOST_OF_A_HEADER]))[0])
    try:
        found = hl7.parse(line)
    except (hl7.ParseException, AssertionError, IndexError, ValueError, RecursionError):
        return None
    return Message((Segment("MSH", "MSH", "", found[0]),)) if begins(raw) else None


def _kept(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """This will give the segments we read: their place, the name of the one before, and the line as far as we read."""
    counts, seen, before = Counter(line[:3] for line in lines), Counter[str](), ""
    mark = lines[0][3]
    for line in lines:
        name = line[:3]
        seen[name] += 1
        if name in READ:
            line = mark.join(line.split(mark)[: LAST_READ[name] + 1]) if name in LAST_READ else line
            yield f"{name}({seen[name]})" if counts[name] > 1 else name, before, line
        before = before if name == "NTE" else name


def _no_message() -> Refused:
    return refuse("structure", "MSH", r"begin a message with MSH|^~\& and its fields", status=400)


def _decoded(raw: bytes) -> str:
    """This will decode by what the bytes are, then by what MSH-18 says they are, then as Windows writes them."""
    raw = raw.lstrip(LEADING).rstrip(b"\x1c \t\r\n")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        declared = _declared(raw)
    try:
        return raw.decode(declared)
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _declared(raw: bytes) -> str:
    header = re.split(rb"[\r\n]", raw, maxsplit=1)[0].decode("latin-1")
    fields = header.split(header[3:4] or "|")
    return CHARSETS.get(fields[17].split("~")[0].strip().upper(), "cp1252") if len(fields) > 17 else "cp1252"


def _lines(text: str) -> list[str]:
    """This will give a line for each segment: what begins like none belongs to the one before it."""
    segments: list[list[str]] = []
    mark = text[3:4]
    for each in ENDS.split(text):
        line = each.strip("\x0b\x1c").replace("\x0c", " ")
        if SEGMENT.fullmatch(line[:3]) and line[3:4] in (mark, ""):
            segments.append([line])
        elif line.strip() and segments:
            segments[-1].append(line)
        elif line.strip():
            raise _no_message()
    return ["\n".join(each) for each in segments]


def _refuse_strange(lines: list[str]) -> None:
    first = lines[0] if lines else ""
    if first[:3] != "MSH" or len(first) < 5 or first[3].isalnum() or first[3].isspace():
        raise _no_message()
    marks = first[4:].split(first[3])[0]
    if not 1 <= len(marks) <= 5 or len(set(marks + first[3])) != len(marks) + 1 or any(map(str.isalnum, marks)):
        raise refuse("structure", "MSH-2", rf"write the encoding characters as {USUAL[1:]}", status=400)
    if sum(line[:3] == "MSH" for line in lines) > 1:
        raise refuse("structure", "MSH", "send one message at a time", status=400)
    if len(lines) > MOST_SEGMENTS:
        raise refuse("too-long", "MSH", f"send at most {MOST_SEGMENTS:,} segments a message", status=413)
    for line in lines:
        if CONTROL.search(line):
            raise refuse("structure", line[:3], "control characters are not text; leave them out", status=400)
