"""Promises about visits: nobody is in two places at once, and units are what was delivered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from deploy.check.books import Books, Row

All = Mapping[str, Books]
Looked = tuple[int, list[str]]


def overlaps(books: All) -> Looked:
    """This will find sessions of one supporter, and seats of one person, that overlap."""
    sessions = [row for row in books["scheduling"]["sessions"] if row["state"] != "cancelled" and row["supporter_id"]]
    seats = [row for row in books["scheduling"]["seats"] if row["state"] != "cancelled"]
    return len(sessions) + len(seats), [
        *_clashes(sessions, "supporter_id", "session_id"),
        *_clashes(seats, "person_id", "seat_id"),
    ]


def _clashes(rows: Iterable[Row], whose: str, which: str) -> list[str]:
    latest: dict[str, Row] = {}
    found = []
    for row in sorted(rows, key=lambda row: (row[whose], row["starts_at"], row[which])):
        before = latest.get(row[whose])
        if before and row["starts_at"] < before["ends_at"]:
            found.append(f"{row[which]} begins during {before[which]}")
        if before is None or row["ends_at"] > before["ends_at"]:
            latest[row[whose]] = row
    return found


def recorded(books: All) -> Looked:
    """This will find sessions that are said to be something else than their seats."""
    states: defaultdict[str, set[str]] = defaultdict(set)
    for row in books["scheduling"]["seats"]:
        states[row["session_id"]].add(row["state"])
    sessions = books["scheduling"]["sessions"]
    return len(sessions), [
        row["session_id"]
        for row in sessions
        if row["state"] != next((each for each in WORST if each in states[row["session_id"]]), None)
    ]


ROUNDING = 7
"""Minutes: a unit of fifteen counts from its eighth on (CMS)."""

WORST = ("held", "booked", "missed", "cancelled")
"""A session is the first of these that one of its seats is."""


def units(books: All) -> Looked:
    """This will find seats with units that nobody delivered, that are covered by nobody, or uncovered for no reason."""
    zones = {row["session_id"]: ZoneInfo(row["zone"]) for row in books["scheduling"]["sessions"]}
    judged = [row for row in books["scheduling"]["seats"] if row["units_delivered"] is not None]
    wrong = {row["seat_id"] for row in judged if not _adds_up(row)}
    return len(judged), sorted(wrong | _more_than_minutes(judged, zones))


def _adds_up(seat: Row) -> bool:
    delivered, covered, reasons = seat["units_delivered"], seat["units_covered"], (seat["denied"] or {}).values()
    if covered is None or not 0 <= covered <= delivered or (covered and not seat["payer"]):
        return False
    if delivered and seat["state"] != "held":
        return False
    # A unit that is denied for two reasons is counted under both.
    return bool(max(reasons, default=0) <= delivered - covered <= sum(reasons))


def _more_than_minutes(judged: Iterable[Row], zones: Mapping[str, ZoneInfo]) -> set[str]:
    """This will find the seats of a day with more units than minutes: each contact may round up by at most seven."""
    days: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in judged:
        days[row["person_id"], str(row["service_date"])].append(row)
    return {
        row["seat_id"]
        for seats in days.values()
        if sum(_owed(each, zones.get(each["session_id"])) for each in seats) > 0
        for row in seats
    }


def _owed(seat: Row, zone: ZoneInfo | None) -> int:
    """This will count the minutes that a seat's units have above its own and what rounding gives: twice at midnight."""
    begun, minutes = seat["started_at"], seat["minutes"] or 0
    dates = (
        {each.astimezone(zone).date() for each in (begun, begun + timedelta(minutes=minutes)) if zone} if begun else ()
    )
    return int(seat["units_delivered"]) * 15 - minutes - ROUNDING * max(len(dates), 1)
