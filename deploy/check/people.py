"""Promises about people: nobody is lost, invented, double-booked, or left with nothing."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from deploy.check.books import Books, Row
from shared.events.referrals import ReferralAccepted

All = Mapping[str, Books]
Looked = tuple[int, list[str]]


def accepted(books: All) -> Looked:
    """This will find accepted referrals that matching has not, or has in no state that leads anywhere."""
    said = said_of(books["referrals"], ReferralAccepted.type_name())
    known = {row["referral_id"]: row["state"] for row in books["matching"]["referrals"]}
    offered = {row["referral_id"] for row in books["matching"]["offers"] if row["state"] == "open"}
    matched = books["matching"].ids("matches", "referral_id")
    lost = []
    for each in {json.loads(row["body"])["referral_id"] for row in said}:
        state = known.get(each)
        dangling = (state == "offered" and each not in offered) or (state == "matched" and each not in matched)
        if state is None or dangling:
            lost.append(each)
    return len(said), sorted(lost)


def said_of(books: Books, kind: str) -> list[Row]:
    """This will list the facts of a type that a service said."""
    return [row for row in books["outbox"] if row["type"] == kind]


def phantoms(books: All) -> Looked:
    """This will find what hangs on nothing, from the reminder back to the post it began with."""
    received = books["referrals"].ids("referrals", "referral_id")
    matches = books["matching"].ids("matches", "match_id")
    booked = {row["series_id"]: row for row in books["scheduling"]["series"]}
    sessions = books["scheduling"].ids("sessions", "session_id")
    by_hand = {each for each, row in booked.items() if row["referral_id"] is None}
    wrong = [row["referral_id"] for row in books["matching"]["referrals"] if row["referral_id"] not in received]
    wrong += [each for each, row in booked.items() if each not in by_hand and row["match_id"] not in matches]
    wrong += [row["seat_id"] for row in books["scheduling"]["seats"] if row["session_id"] not in sessions]
    wrong += [row["session_id"] for row in books["notifications"]["sessions"] if row["session_id"] not in sessions]
    reminded = books["notifications"].ids("sessions", "session_id")
    reminders = books["notifications"]["reminders"]
    wrong += [row["reminder_id"] for row in reminders if row["session_id"] not in reminded]
    return len(booked) + len(sessions) + len(reminders), wrong


def overlaps(books: All) -> Looked:
    """This will find sessions of one supporter, and seats of one person, that overlap."""
    sessions = [row for row in books["scheduling"]["sessions"] if row["state"] != "cancelled" and row["supporter_id"]]
    seats = [row for row in books["scheduling"]["seats"] if row["state"] != "cancelled"]
    return len(sessions) + len(seats), [
        *_clashes(sessions, "supporter_id", "session_id"),
        *_clashes(seats, "person_id", "seat_id"),
    ]


def _clashes(rows: Iterable[Row], whose: str, which: str) -> list[str]:
    ordered = sorted(rows, key=lambda row: (row[whose], row["starts_at"]))
    return [
        later[which]
        for earlier, later in pairwise(ordered)
        if earlier[whose] == later[whose] and later["starts_at"] < earlier["ends_at"]
    ]


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
    with_task = {row["about"] for row in books["matching"]["tasks"]}
    return len(waiting), [
        row["referral_id"] for row in waiting if not row["bridged_at"] and row["referral_id"] not in with_task
    ]


def units(books: All) -> Looked:
    """This will find seats whose covered and denied units are not the delivered ones."""
    judged = [row for row in books["scheduling"]["seats"] if row["units_delivered"] is not None]
    wrong = [row["seat_id"] for row in judged if not 0 <= (row["units_covered"] or 0) <= row["units_delivered"]]
    heard = {row["seat_id"] for row in judged if row["state"] not in ("held", "missed") and row["units_delivered"]}
    return len(judged), [*wrong, *sorted(heard)]
