"""Which elements of a message count: each is left out in turn, and the message read again by the code that reads it."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from deploy.sandbox.files import Message
from services.referrals.fhir.reading import referrals
from services.referrals.reading import Reading, Refused, read

MOST = 600
"""How often one message is read again; a Bundle with more in it is looked at as far as that goes."""

STRUCTURE = {"resourceType", "contained", "entry", "extension"}
Place = tuple[str | int, ...]
Lines = list[list[bytes]]
"""Segments of HL7 v2, each in its fields."""


@dataclass
class Elements:
    """What makes a difference, what makes none (not read, or said elsewhere too), and whether all was looked at."""

    read: dict[str, None] = field(default_factory=dict)
    idle: dict[str, None] = field(default_factory=dict)
    whole: bool = True

    def note(self, name: str, *, counts: bool) -> None:
        """This will keep whether an element counts; where several have its name, whether any does."""
        if counts:
            self.idle.pop(name, None)
            self.read[name] = None
        elif name not in self.read:
            self.idle[name] = None


def elements(message: Message) -> Elements:
    """This will tell what in a message makes a difference to what is read of it; nothing where it is refused."""
    found = Elements()
    try:
        usual = read(message.raw, message.media)
    except Refused:
        return found
    if message.dialect == "HL7 v2":
        _fields(message, usual, found)
    else:
        _members(message, usual, found)
    return found


def _differs(again: Callable[[], Reading], usual: Reading) -> bool:
    try:
        return _orders(again()) != _orders(usual)
    except Refused:
        return True


def _orders(reading: Reading) -> list[object]:
    """This will give what is read of a post, wherever in it that stands."""
    return [(each.order, each.unless) for each in reading.posted]


def _members(message: Message, usual: Reading, found: Elements) -> None:
    content, looked = json.loads(message.raw), 0
    idle: set[Place] = set()
    for place, name in _places(content, message.kind or "$", ()):
        if any(place[: len(each)] == each for each in idle):
            continue
        if (looked := looked + 1) > MOST:
            found.whole = False
            return
        rest = _without(content, place)
        counts = _differs(partial(_read_again, rest, message), usual)
        found.note(name, counts=counts)
        if not counts:
            idle.add(place)


def _read_again(content: dict[str, Any], message: Message) -> Reading:
    # What was parsed once needs no more of it: a large Bundle is read some hundred times.
    return referrals(content) if message.dialect == "FHIR" else read(json.dumps(content).encode(), message.media)


def _places(node: dict[str, Any], name: str, at: Place) -> Iterator[tuple[Place, str]]:
    """This will name what can be left out: the resources that came along, then the elements of each."""
    for key in node:
        if key not in STRUCTURE:
            yield (*at, key), f"{name}.{key}"
    for number, each in enumerate(_listed(node, "extension")):
        yield (*at, "extension", number), f"{name}.extension({str(each.get('url', '')).rpartition('/')[2]})"
    for number, each in enumerate(_listed(node, "contained")):
        kind = str(each.get("resourceType", "contained"))
        yield (*at, "contained", number), kind
        yield from _places(each, kind, (*at, "contained", number))
    for number, each in enumerate(_listed(node, "entry")):
        inside = each.get("resource")
        if isinstance(inside, dict):
            kind = str(inside.get("resourceType", "resource"))
            yield (*at, "entry", number), kind
            yield from _places(inside, kind, (*at, "entry", number, "resource"))


def _listed(node: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = node.get(key, [])
    return [each if isinstance(each, dict) else {} for each in (value if isinstance(value, list) else [value])]


def _without(node: Any, place: Place) -> Any:
    """This will copy a message without one of its parts."""
    step, rest = place[0], place[1:]
    if isinstance(step, str):
        if rest:
            return {**node, step: _without(node[step], rest)}
        return {key: each for key, each in node.items() if key != step}
    some = node if isinstance(node, list) else [node]
    inside = [_without(some[step], rest)] if rest else []
    return [*some[:step], *inside, *some[step + 1 :]]


def _fields(message: Message, usual: Reading, found: Elements) -> None:
    """This will leave out each segment of HL7 v2 in turn, then each of its fields, in all of a name at once."""
    start = message.raw.find(b"MSH")
    mark = message.raw[start + 3 : start + 4]
    lines = [each.split(mark) for each in re.split(rb"\r\n|\r|\n", message.raw[start:])]
    for name in dict.fromkeys(each[0] for each in lines if re.fullmatch(rb"[A-Z][A-Z0-9]{2}", each[0])):
        others = [each for each in lines if each[0] != name]
        if _differs(partial(_read_lines, others, mark, message), usual):
            _fields_of(name, lines, partial(_read_lines, mark=mark, message=message), usual, found)
        else:
            found.note(name.decode(), counts=False)


def _fields_of(
    name: bytes,
    lines: list[list[bytes]],
    again: Callable[[list[list[bytes]]], Reading],
    usual: Reading,
    found: Elements,
) -> None:
    mine = [each for each in lines if each[0] == name]
    first = 2 if name == b"MSH" else 1
    for place in range(first, max(map(len, mine))):
        if any(each[place].strip() for each in mine if place < len(each)):
            emptied = [_emptied(each, place) if each[0] == name else each for each in lines]
            counts = _differs(partial(again, emptied), usual)
            found.note(f"{name.decode()}-{place + (name == b'MSH')}", counts=counts)


def _emptied(parts: list[bytes], place: int) -> list[bytes]:
    return [*parts[:place], b"", *parts[place + 1 :]] if place < len(parts) else parts


def _read_lines(lines: Lines, mark: bytes, message: Message) -> Reading:
    return read(b"\r".join(map(mark.join, lines)), message.media)
