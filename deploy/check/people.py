"""Promises about people: nobody is lost, invented, told of, or left with nothing."""

from collections import Counter
from collections.abc import Mapping

from deploy.check.books import Books, Row
from shared.events.referrals import ReferralAccepted

All = Mapping[str, Books]
Looked = tuple[int, list[str]]

TASKS = {"crisis_review": "crisis", "needs_screen": "screening", "needs_info": "missing_info"}
"""The task that is open while a referral is held."""

ENDED = ("refused", "closed")
"""How a referral ends before anybody is matched."""


def accepted(books: All) -> Looked:
    """This will find accepted people whom matching does not know, or has in a state that leads nowhere."""
    expected = {body["referral_id"] for _, body in books["referrals"].said(ReferralAccepted.type_name())}
    states = {row["referral_id"]: row["state"] for row in books["referrals"]["referrals"] if not row["test"]}
    expected |= {each for each, state in states.items() if state not in (*TASKS, *ENDED)}
    rows = {row["referral_id"]: row for row in books["matching"]["referrals"]}
    lost = {each for each in expected if each not in rows or _is_lost(rows[each], states.get(each), books)}
    return len(expected), sorted(lost)


def _is_lost(row: Row, told: str | None, books: All) -> bool:
    mine = row["referral_id"]
    match row["state"]:
        case "waiting":
            return row["waitlisted_at"] is None
        case "offered":
            return not any(
                each["referral_id"] == mine and each["state"] == "open" for each in books["matching"]["offers"]
            )
        case "matched":
            return not _has_series(mine, books)
        case "held":
            return told not in TASKS
        case "withdrawn":
            # What was taken back and is asked for again waits for a person.
            return told not in (*ENDED, *TASKS) and ("consent_revoked", mine) not in _tasks(books["matching"])
        case _:
            return False


def _has_series(referral_id: str, books: All) -> bool:
    """This will say whether somebody who is matched meets, or a person is looking for a time."""
    matches = {row["match_id"] for row in books["matching"]["matches"] if row["referral_id"] == referral_id}
    series = [row for row in books["scheduling"]["series"] if row["match_id"] in matches]
    asked = {about for kind, about in _tasks(books["scheduling"]) if kind == "find_a_time"}
    return any(each["state"] != "unbooked" or each["series_id"] in asked for each in series)


def _tasks(books: Books, *, still_open: bool = False) -> set[tuple[str, str]]:
    return {(row["kind"], row["about"]) for row in books["tasks"] if not (still_open and row["done_at"])}


def held(books: All) -> Looked:
    """This will find referrals that are held, or raised danger, without an open task for a person."""
    waiting = {
        row["referral_id"]: _asked(row)
        for row in books["referrals"]["referrals"]
        if not row["test"] and (row["crisis_at"] or row["state"] in TASKS)
    }
    tasks = _tasks(books["referrals"], still_open=True)
    return len(waiting), [each for each, kind in waiting.items() if (kind, each) not in tasks]


def _asked(referral: Row) -> str:
    if referral["crisis_at"]:
        return "crisis_taken" if referral["acknowledged_at"] else "crisis"
    return TASKS[referral["state"]]


def phantoms(books: All) -> Looked:
    """This will find what hangs on nothing, from the reminder back to the post it began with."""
    received = books["referrals"].ids("referrals", "referral_id")
    matches = {row["match_id"]: row for row in books["matching"]["matches"]}
    series = {row["series_id"]: row for row in books["scheduling"]["series"]}
    sessions = books["scheduling"].ids("sessions", "session_id")
    reminded = books["notifications"].ids("sessions", "session_id")
    hang: list[tuple[str, list[Row], str, set[str]]] = [
        ("referral", books["matching"]["referrals"], "referral_id", received),
        ("offer", books["matching"]["offers"], "referral_id", received),
        ("match", books["matching"]["matches"], "referral_id", received),
        ("session", books["scheduling"]["sessions"], "series_id", set(series)),
        ("seat", books["scheduling"]["seats"], "session_id", sessions),
        ("reminded session", books["notifications"]["sessions"], "session_id", sessions),
        ("reminder", books["notifications"]["reminders"], "session_id", reminded),
    ]
    wrong = [
        f"{what} of {row[column]}"
        for what, rows, column, there in hang
        for row in rows
        if row[column] is not None and row[column] not in there
    ]
    wrong += [f"series {each}" for each, row in series.items() if not _is_matched(row, matches)]
    return sum(len(rows) for _, rows, _, _ in hang) + len(series), sorted(set(wrong))


def _is_matched(series: Row, matches: Mapping[str, Row]) -> bool:
    """This will say whether a series is of the people its match joins; one booked by hand has no match."""
    if series["referral_id"] is None and series["match_id"] == series["series_id"]:
        return True
    match = matches.get(series["match_id"])
    return match is not None and all(match[each] == series[each] for each in ("referral_id", "person_id"))


def capacity(books: All) -> Looked:
    """This will find referrals matched twice at a time, and supporters whose caseload is not what they hold."""
    matches, supporters = books["matching"]["matches"], books["matching"]["supporters"]
    times = Counter(row["referral_id"] for row in matches if row["state"] == "active" and row["referral_id"])
    wrong = [each for each, count in times.items() if count > 1]
    held: Counter[str] = Counter()
    for row in matches:
        held[row["supporter_id"]] += row["counts"] if row["state"] == "active" else 0
    for row in books["matching"]["offers"]:
        held[row["supporter_id"]] += row["counts"] if row["state"] == "open" else 0
    wrong += [
        row["supporter_id"]
        for row in supporters
        if row["held"] != held[row["supporter_id"]] or not 0 <= row["held"] <= row["room"]
    ]
    return len(times) + len(supporters), wrong


def bridged(books: All) -> Looked:
    """This will find people who wait with neither a bridge nor a task for somebody."""
    waiting = [row for row in books["matching"]["referrals"] if row["waitlisted_at"] and row["state"] == "waiting"]
    with_task = {about for _, about in _tasks(books["matching"])}
    return len(waiting), [
        row["referral_id"] for row in waiting if not row["bridged_at"] and row["referral_id"] not in with_task
    ]


def told(books: All) -> Looked:
    """This will find referrers who were told nothing, or of a referral that is another's."""
    whose = {row["referral_id"]: row["organisation"] for row in books["referrals"]["referrals"]}
    said = {
        (row["key"], row["channel"]) for row in books["referrals"]["spoken"] if row["channel"].startswith("status.")
    }
    others = [key for key, channel in said if key in whose and channel.split(".")[1] != whose[key]]
    return len(whose), sorted([*others, *(whose.keys() - {key for key, _ in said})])
