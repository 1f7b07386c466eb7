"""Promises about messages: each once, none lost, none to somebody who is not to come."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from deploy.check.books import Books, CannotLook, Row
from shared.events.notifications import ReminderSent
from shared.events.scheduling import SeriesBooked

All = Mapping[str, Books]
Looked = tuple[int, list[str]]
SENT = ("accepted", "delivered")
MAY_HAVE_LEFT = (*SENT, "sending", "unknown")
LEADS = {"3d": timedelta(days=3), "1d": timedelta(days=1)}
DAY = timedelta(days=1)
CALL = timedelta(seconds=30)
"""A call to a provider takes no longer: what left before a cancellation may be written down so much after it."""

EARLIEST, LATEST = time(8), time(21)
"""Local hours outside which the law lets nobody be texted (47 CFR 64.1200), whatever a deployment chose."""


def planned(books: All) -> Looked:
    """This will find visits booked in time for a reminder that has none, and cancellations nobody was told of."""
    notes = books["notifications"]
    moments: dict[str, datetime] = dict(_booked(books))
    heard: dict[str, datetime] = {}
    for row in sorted(notes["reminders"], key=lambda row: row["planned_at"]):
        heard[row["series_id"]] = row["planned_at"]
    have = {(row["session_id"], row["kind"]) for row in notes["reminders"]}
    cancelled = {row["session_id"] for row in notes["sessions"] if row["cancelled_at"]}
    wrong = []
    for row in books["scheduling"]["sessions"]:
        mine: str = row["session_id"]
        starts: datetime = row["starts_at"]
        booked = moments.get(mine, starts)
        notice: timedelta = starts - max(booked, heard.get(row["series_id"], booked))
        # A reminder moves earlier out of quiet hours, by less than a day.
        wrong += [f"{mine} {kind}" for kind, lead in LEADS.items() if notice > lead + DAY and (mine, kind) not in have]
        if row["state"] == "cancelled" and mine not in cancelled:
            wrong.append(f"{mine} cancelled")
    return len(moments), wrong


def _booked(books: All) -> Iterator[tuple[str, datetime]]:
    """This will say when each session was booked."""
    for moment, body in books["scheduling"].said(SeriesBooked.type_name()):
        for each in body["sessions"]:
            yield each["session_id"], moment


def timely(books: All) -> Looked:
    """This will find reminders sent early, in the night, after a STOP, or about a visit that was cancelled before."""
    notes = books["notifications"]
    ends: dict[str, datetime] = {row["session_id"]: row["cancelled_at"] for row in notes["sessions"]}
    stops: dict[str, datetime] = {row["person_id"]: row["at"] for row in notes["opt_outs"]}
    zones = {row["person_id"]: ZoneInfo(row["zone"]) for row in notes["people"]}
    sent = [row for row in notes["reminders"] if row["state"] in SENT]
    wrong = []
    for row in sent:
        over = [each for each in (ends.get(row["session_id"]), stops.get(row["person_id"])) if each]
        if not _is_timely(row, over) or row["quiet"] or _at_night(row["sent_at"], zones.get(row["person_id"])):
            wrong.append(row["reminder_id"])
    return len(sent), wrong


def _is_timely(row: Row, over: list[datetime]) -> bool:
    intended, sent = row["intended_at"], row["sent_at"]
    if not intended or not sent or not row["due"] - timedelta(seconds=1) <= intended <= sent:
        return False
    return all(intended <= each and sent <= each + CALL for each in over)


def _at_night(moment: datetime | None, zone: ZoneInfo | None) -> bool:
    return moment is not None and (zone is None or not EARLIEST <= moment.astimezone(zone).time() < LATEST)


def ended(books: All) -> Looked:
    """This will find reminders whose moment has passed and that were not sent or skipped, nor are with a person."""
    notes = books["notifications"]
    now = max((row["said_at"] for each in books.values() for row in each["outbox"]), default=None)
    calls = " ".join(row["errand_key"] for row in notes["errands"] if row["state"] != "done")
    tasks = {row["about"] for row in notes["tasks"]}
    stuck = [row for row in notes["reminders"] if now and _is_stuck(row, now, calls)]
    alone = [
        row for row in notes["reminders"] if row["state"] in ("unknown", "failed") and row["reminder_id"] not in tasks
    ]
    passed = [row for row in notes["reminders"] if now and row["due"] <= now]
    return len(passed), [row["reminder_id"] for row in (*stuck, *alone)]


def _is_stuck(row: Row, now: datetime, calls: str) -> bool:
    if row["state"] == "due":
        return bool(row["look_at"] < now - timedelta(minutes=1))
    return row["state"] == "sending" and row["reminder_id"] not in calls and not now <= row["look_at"] < now + 7 * DAY


def announced(books: All) -> Looked:
    """This will find reminders called sent of which the others were not told, and the other way round."""
    notes = books["notifications"]
    sent = {row["reminder_id"]: row["person_id"] for row in notes["reminders"] if row["state"] in SENT}
    said = {body["reminder_id"] for _, body in notes.said(ReminderSent.type_name())}
    swept = {row["key"] for row in notes["spoken"] if row["opens"] > 1}
    silent = {each for each, person in sent.items() if each not in said and person not in swept}
    return len(sent), sorted(silent | (said - sent.keys()))


def against(books: All, log: Path) -> Looked:
    """This will hold the texts a provider took against what we say was sent: each once, all of ours, no others."""
    if not log.exists():
        raise CannotLook(f"{log} is missing: where does the provider keep what it took?")
    taken = [json.loads(line) for line in log.read_text().splitlines()]
    texts = Counter(each["key"] for each in taken if each["kind"] == "text")
    notes = books["notifications"]
    reminders = {message_key(row["reminder_id"]): row for row in notes["reminders"]}
    ours = reminders.keys() | notes.ids("answers", "answer_id")
    wrong = [f"{key} was taken {count} times" for key, count in texts.items() if count > 1]
    wrong += [f"{key} was sent by nobody" for key in texts.keys() - ours]
    for key, row in reminders.items():
        if row["state"] in SENT and row["channel"] == "sms" and key not in texts:
            wrong.append(f"{row['reminder_id']} never arrived")
        if row["state"] not in MAY_HAVE_LEFT and key in texts:
            wrong.append(f"{row['reminder_id']} arrived, and is {row['state']} here")
    return len(texts), sorted(wrong)


def message_key(reminder_id: str) -> str:
    """This will give the key under which a provider of texts gets a reminder: part of what we agreed with it."""
    return str(uuid5(UUID(reminder_id), "sms"))
