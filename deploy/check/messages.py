"""Promises about messages: each once, none lost, none to somebody who is not to come."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from deploy.check.books import Books

All = Mapping[str, Books]
Looked = tuple[int, list[str]]
SENT = ("sent", "accepted", "delivered")
GRACE = timedelta(seconds=1)


def sent(books: All) -> Looked:
    """This will find reminders sent before their moment, or after the visit was cancelled, and visits without any."""
    notes = books["notifications"]
    cancelled = {row["session_id"]: row["cancelled_at"] for row in notes["sessions"]}
    wrong = []
    for row in notes["reminders"]:
        left = row["intended_at"]
        gone = cancelled.get(row["session_id"])
        if left and row["state"] in SENT and (left < row["due"] - GRACE or (gone and left > gone + GRACE)):
            wrong.append(row["reminder_id"])
    heard = notes.ids("sessions", "session_id")
    booked = [row for row in books["scheduling"]["sessions"] if row["state"] == "booked"]
    wrong += [row["session_id"] for row in booked if row["session_id"] not in heard]
    return len(notes["reminders"]) + len(booked), wrong


def ended(books: All) -> Looked:
    """This will find reminders whose timer rang and that are neither sent, skipped, failed nor with a person."""
    notes = books["notifications"]
    open_errands = any(row["state"] != "done" for row in notes["errands"])
    now = max((row["rung_at"] for row in notes["timers"] if row["rung_at"]), default=None)
    waiting = {row["timer_id"] for row in notes["timers"] if row["rung_at"] is None and row["attempts"]}
    stuck = [row["reminder_id"] for row in notes["reminders"] if row["state"] == "sending" and not open_errands]
    return len(notes["reminders"]) if now else 0, [*stuck, *sorted(waiting)]


def against(books: All, log: Path) -> Looked:
    """This will hold what the provider took against what we say was sent by text."""
    taken = [json.loads(line) for line in log.read_text().splitlines()]
    texts = Counter(each["key"] for each in taken if each["kind"] == "text")
    wrong = [key for key, count in texts.items() if count > 1]
    known = {key.split(":")[0].split("/")[0] for key in texts} | set(texts)
    for row in books["notifications"]["reminders"]:
        by_text = row["state"] in SENT and row["channel"] == "sms"
        if by_text and not any(row["reminder_id"] in each for each in (known,)) and not _mentioned(row, texts):
            wrong.append(row["reminder_id"])
    return len(texts), wrong


def _mentioned(row: Mapping[str, object], texts: Counter[str]) -> bool:
    return any(str(row["reminder_id"]) in key for key in texts)
