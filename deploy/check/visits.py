"""Promises about visits: nobody is in two places at once, and units are what was delivered."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

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


WORST = ("held", "booked", "missed", "cancelled")
"""A session is the first of these that one of its seats is."""


def units(books: All) -> Looked:
    """This will find seats with units that nobody delivered, that are covered by nobody, or uncovered for no reason."""
    judged = [row for row in books["scheduling"]["seats"] if row["units_delivered"] is not None]
    wrong = [row["seat_id"] for row in judged if not _adds_up(row)]
    return len(judged), sorted({*wrong, *_more_than_minutes(judged)})


def _adds_up(seat: Row) -> bool:
    delivered, covered, reasons = seat["units_delivered"], seat["units_covered"], (seat["denied"] or {}).values()
    if covered is None or not 0 <= covered <= delivered or (covered and not seat["payer"]):
        return False
    if delivered and seat["state"] != "held":
        return False
    # A unit that is denied for two reasons is counted under both.
    return bool(max(reasons, default=0) <= delivered - covered <= sum(reasons))


def _more_than_minutes(judged: Iterable[Row]) -> list[str]:
    """This will find seats of a day on which somebody has more units than minutes: 8 minutes make the first unit."""
    days: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in judged:
        days[row["person_id"], str(row["service_date"])].append(row)
    total: Counter[tuple[str, str]] = Counter()
    for day, seats in days.items():
        total[day] = sum(row["units_delivered"] * 15 - (row["minutes"] or 0) for row in seats)
    return [row["seat_id"] for day, seats in days.items() if total[day] >= 15 for row in seats]
