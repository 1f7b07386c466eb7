"""Reads partners' JSON strictly: what Python's own reader lets through is refused, with the place and the remedy."""

import json
import math
import re
from itertools import accumulate
from typing import Any, NoReturn

from shared.places import named

SURROGATE = re.compile(r"[\ud800-\udfff]")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
LARGEST = 2**63
NO_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[^"\[\]{}]++', re.DOTALL)
"""All but brackets; a string that never ends is taken whole, else each of its quotes would be tried again."""

MOST = 25_000
"""How many objects and lists a document may hold: of what is all brackets, each would be an error of its own."""

STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}
NO_MARKS = bytes(each for each in range(256) if each not in b'[]{}"')


class Malformed(ValueError):
    """The bytes are not acceptable JSON; `where` is a path such as `$.subject.name[0]`, `remedy` says what to do."""

    def __init__(self, where: str, remedy: str) -> None:
        super().__init__(f"{where}: {remedy}")
        self.where, self.remedy = where, remedy


class TooLarge(Malformed):
    """More bytes than this edge takes."""


def parse(raw: bytes, *, limit: int = 65_536, depth: int = 32) -> Any:
    """This will read at most `limit` bytes of UTF-8 JSON, nested at most `depth` deep; Malformed otherwise."""
    if len(raw) > limit:
        raise TooLarge("$", f"send at most {limit:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Malformed("$", f"send UTF-8; byte {wrong.start} is not") from None
    _check_depth(text, depth)
    try:
        found = json.loads(
            text, object_pairs_hook=_no_twice, parse_constant=_no_constant, parse_int=_whole, parse_float=_fraction
        )
    except json.JSONDecodeError as wrong:
        raise Malformed("$", f"mend the JSON at line {wrong.lineno}, column {wrong.colno}") from None
    # Python's own reader takes neither surrogates nor control characters but as escapes.
    if "\\" in text:
        _check(found, "$")
    return found


def _check_depth(text: str, depth: int) -> None:
    """This will count brackets outside strings, before the recursive reader meets them."""
    brackets = _brackets(text)
    if len(brackets) > 2 * MOST:
        raise Malformed("$", f"send at most {MOST:,} objects and lists at once")
    if max(accumulate(map(STEPS.__getitem__, brackets)), default=0) > depth:
        raise Malformed("$", f"nest at most {depth} levels deep")


def _brackets(text: str) -> str:
    """This will give the brackets outside strings; where no quote can be a letter, every second piece is outside."""
    if "\\" in text:
        return NO_BRACKETS.sub("", text)
    marks = text.encode("utf-8", "surrogatepass").translate(None, NO_MARKS)
    return "".join(marks.decode().split('"')[::2])


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) < len(pairs):
        raise Malformed("$", "an object names the same member twice; send each once")
    return seen


def _no_constant(_: str) -> NoReturn:
    raise Malformed("$", "NaN and Infinity are not JSON; leave the member out")


def _whole(digits: str) -> int:
    if len(digits) > 20 or not -LARGEST <= int(digits) < LARGEST:
        raise Malformed("$", "a whole number is larger than 64 bits")
    return int(digits)


def _fraction(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise Malformed("$", "the number is too large")
    return number


def _check(value: Any, where: str) -> None:
    """This will look for text that no store or partner takes."""
    if isinstance(value, str):
        if SURROGATE.search(value):
            raise Malformed(where, "half of a surrogate pair is no character; send the whole one")
        if CONTROL.search(value):
            raise Malformed(where, "control characters are not text; leave them out")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _check(each, f"{where}[{index}]")
    elif isinstance(value, dict):
        for name, each in value.items():
            _check(name, f"{where} (a member's name)")
            _check(each, f"{where}.{named(name)}")
