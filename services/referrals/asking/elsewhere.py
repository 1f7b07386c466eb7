"""Tells somebody, in neutral words, what they were pointed to: its label, and how, where and when to reach it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_time, get_day_names, get_timezone_name

from services.referrals.asking.words import Words
from services.referrals.rules.directory import Entry, Listed, Meeting
from services.referrals.rules.pointing import Said


@dataclass(frozen=True, kw_only=True)
class Pointed:
    """What somebody was pointed to; `way` is the end of our link to it, `said` what they said of it."""

    way: str
    listed: Listed
    said: Said | None = None


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """One of them as a page tells it; `told` are lines of plain words. `over` says that it is not there any more."""

    way: str
    label: str
    leads: bool
    phone: str
    told: list[str]
    said: Said | None
    over: bool


def elsewhere(some: Sequence[Pointed], words: Words) -> list[Elsewhere]:
    """This will tell what somebody was pointed to, in their language; never what it is called inside the programme."""
    return [_one(each, words) for each in some]


def _one(pointed: Pointed, words: Words) -> Elsewhere:
    entry, over = pointed.listed.entry, pointed.listed.ended_at is not None
    return Elsewhere(
        way=pointed.way,
        label=(entry.label.es if words.code == "es" else None) or entry.label.en,
        leads=bool(entry.link) and not over,
        phone="" if over else entry.phone or "",
        told=[] if over else list(_told(entry, words)),
        said=pointed.said,
        over=over,
    )


def _told(entry: Entry, words: Words) -> Iterator[str]:
    if entry.place:
        yield entry.place
    yield from (_when(each, entry.zone or "", words) for each in entry.times)
    if entry.online:
        yield words.say("elsewhere_online")
    if not entry.open:
        yield words.say("elsewhere_alone")
    if entry.languages:
        yield words.say("elsewhere_speak", languages=", ".join(_spoken(each, words) for each in entry.languages))


def _when(meeting: Meeting, zone: str, words: Words) -> str:
    day = get_day_names("wide", locale=words.code)[meeting.weekday]
    start, end = (
        format_time(time.fromisoformat(each), "short", locale=words.code) for each in (meeting.start, meeting.end)
    )
    local = get_timezone_name(ZoneInfo(zone), locale=words.code)
    weeks = ", ".join(map(str, sorted(set(meeting.weeks))))
    when = words.say("elsewhere_when", day=day, start=start, end=end, zone=local)
    when = when[0].upper() + when[1:]
    return f"{when} {words.say('elsewhere_weeks', weeks=weeks)}" if weeks else when


def _spoken(code: str, words: Words) -> str:
    return str(Locale(words.code).languages.get(code, code))
