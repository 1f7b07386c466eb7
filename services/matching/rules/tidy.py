"""Reads what people write untidily, and says what to write instead where it cannot be understood."""

import re
from collections.abc import Callable
from typing import Any

from services.matching.rules import codes

CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?(?::\d{2})?\s*(am|pm|a\.m\.|p\.m\.)?")


def as_list(found: Any) -> Any:
    """This will make a list of one thing, of nothing, or of things separated by commas."""
    if found is None:
        return []
    if isinstance(found, str):
        return [each for each in (part.strip() for part in re.split(r"[,;]", found)) if each]
    return [found] if isinstance(found, dict) else found


def one_of(among: frozenset[str]) -> Callable[[Any], Any]:
    """This will make a reader of one code; ValueError lists the codes there are."""

    def read(found: Any) -> Any:
        if not isinstance(found, str):
            return found
        meant = codes.understood(found, among)
        if meant is None:
            raise ValueError(f"unknown code; use one of: {', '.join(sorted(among))}")
        return meant

    return read


def once_each(found: list[str]) -> list[str]:
    """This will keep the first of what is said twice."""
    return list(dict.fromkeys(found))


def language(found: Any) -> Any:
    """This will read `{"code": "es", "level": "native"}`, `"Spanish"`, or `"es:native"`."""
    if isinstance(found, str):
        name, _, level = found.partition(":")
        return {"code": name, "level": level or "fluent"}
    return found


def language_code(found: Any) -> Any:
    """This will read a language by name or by code; ValueError says how to write it."""
    if not isinstance(found, str):
        return found
    meant = codes.language(found)
    if meant is None:
        raise ValueError("unknown language; use its ISO 639 code, for example en or es")
    return meant


def window(found: Any) -> Any:
    """This will read a weekly window whose day is a name or a number, and whose times are written as people do."""
    if not isinstance(found, dict):
        return found
    read = dict(found)
    if isinstance(read.get("weekday"), str):
        read["weekday"] = codes.DAYS.get(codes.plain(read["weekday"]), read["weekday"])
    for name in ("start", "end"):
        if isinstance(read.get(name), str):
            read[name] = clock_time(read[name])
    return read


def clock_time(words: str) -> str:
    """This will write `9`, `9am`, `9:00`, `5:30 pm` as HH:MM, `24:00` as 23:59; others are left as they are."""
    found = CLOCK.fullmatch(words.strip().lower())
    if not found:
        return words
    hours, minutes, half = int(found[1]), found[2] or "00", (found[3] or "").replace(".", "")
    if half and not 1 <= hours <= 12:
        return words
    if half:
        hours = hours % 12 + (12 if half == "pm" else 0)
    return "23:59" if (hours, minutes) == (24, "00") else f"{hours:02}:{minutes}"
