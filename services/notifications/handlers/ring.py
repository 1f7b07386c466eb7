"""A message's moment: is it still wanted, by which channel, and what became of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.handlers.timers import look_again
from services.notifications.rules import sending, timing
from services.notifications.rules.providers import Answer
from services.notifications.rules.sending import Limits, Lost, Person, Reminder, Send, Skip, Wait
from services.notifications.store import people, reminders
from services.notifications.store.reminders import Due
from shared.clock import now
from shared.events.notifications import (
    Channel,
    FailReason,
    ReminderFailed,
    ReminderFellDue,
    ReminderSent,
    ReminderSkipped,
    SendReminder,
    SkipReason,
)
from shared.linked import everybody
from shared.mailbox import Errand, Later, Said
from shared.work import Asked, open_each

WEEK = timedelta(days=8)
"""Seven local days, and a clock change."""


@dataclass(frozen=True)
class Step:
    """What becomes of one message: the columns it changes, what is said of it, and what is asked of people."""

    change: dict[str, Any]
    said: list[Said] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)


async def ring(rung: list[ReminderFellDue], db: AsyncConnection, *, limits: Limits) -> list[Said]:
    """This will look whether messages are still wanted, and commit the intent to send those that are."""
    due = await reminders.looked_at(db, [each.reminder_id for each in rung], now=now())
    who = {each.reminder.person_id for each in due}
    known = await people.known(db, who)
    sent = await _sent_of_late(db, who)
    steps = []
    for each in due:
        whose = each.reminder.person_id
        steps.append(_decided(each, known.get(whose), sent[whose], limits=limits))
    return await _take(steps, db)


async def _sent_of_late(db: AsyncConnection, who: set[UUID]) -> dict[UUID, dict[UUID, datetime]]:
    """This will give when people were written to of late; those who are one human being share what they were sent."""
    linked = await everybody(db, who)
    sent = await reminders.sent_since(db, who.union(*linked.values()), since=now() - WEEK)
    shared: dict[frozenset[UUID], dict[UUID, datetime]] = {}
    for each in who:
        group = linked.get(each, frozenset({each}))
        if group not in shared:
            shared[group] = {one: at for some in group for one, at in sent.get(some, {}).items()}
    return {each: shared[linked.get(each, frozenset({each}))] for each in who}


async def _take(steps: list[Step], db: AsyncConnection) -> list[Said]:
    await reminders.change(db, [each.change for each in steps])
    await open_each(db, [asked for each in steps for asked in each.asked])
    return [said for each in steps for said in each.said]


def _decided(due: Due, person: Person | None, of_late: dict[UUID, datetime], *, limits: Limits) -> Step:
    reminder = due.reminder
    others = [at for known, at in of_late.items() if known != reminder.reminder_id]
    match sending.decide(reminder, due.session, person, sent=others, now=now(), limits=limits):
        case Send(channel):
            of_late[reminder.reminder_id] = now()
            change = reminders.intended(reminder, channel, at=now())
            return Step(change, [send(reminder, channel, change["attempt"])])
        case Skip(why):
            return _withdrawn(reminder, why)
        case Wait(until):
            return Step({"reminder_id": reminder.reminder_id, "look_at": until}, [_later(reminder, until)])
        case Lost(reason):
            return _lost(reminder, reason)


def send(reminder: Reminder, channel: Channel, attempt: int) -> Errand:
    """This will be the errand that gives a message to a channel's provider."""
    fact = SendReminder(
        reminder_id=reminder.reminder_id, person_id=reminder.person_id, channel=channel, attempt=attempt
    )
    return Errand(fact, key=f"reminder {reminder.reminder_id} {channel} {attempt}")


def _skipped(reminder: Reminder, why: SkipReason) -> Step:
    return Step(reminders.skipped(reminder, why), [ReminderSkipped(**_about(reminder), why=why)])


def _lost(reminder: Reminder, reason: FailReason) -> Step:
    state = "unknown" if reason == "unknown" else "failed"
    due = now() + timedelta(hours=1 if reason == "unknown" else 24)
    asked = Asked(kind=f"message_{state}", about=str(reminder.reminder_id), owner="reception", due=due)
    change = {"reminder_id": reminder.reminder_id, "state": state, "why": reason}
    return Step(change, [ReminderFailed(**_about(reminder), reason=reason)], [asked])


def _about(reminder: Reminder) -> dict[str, Any]:
    return {each: getattr(reminder, each) for each in ("reminder_id", "session_id", "person_id")}


def _later(reminder: Reminder, due: datetime) -> Later:
    return look_again(reminder.reminder_id, reminder.person_id, due=due)


async def record(
    results: list[tuple[SendReminder, Any]], db: AsyncConnection, *, limits: Limits, dedups: dict[Channel, bool]
) -> list[Said]:
    """This will keep what providers answered; no answer, or a call that broke, leaves it unknown."""
    dues = await reminders.some(db, [errand.reminder_id for errand, _ in results])
    steps = []
    for errand, result in results:
        due = dues.get(errand.reminder_id)
        if due and due.reminder.state == "sending" and due.reminder.attempt == errand.attempt:
            steps.append(_recorded(due, result, limits=limits, dedup=dedups.get(errand.channel, False)))
    return await _take(steps, db)


def _recorded(due: Due, result: Any, *, limits: Limits, dedup: bool) -> Step:
    if isinstance(result, Skip):
        return _withdrawn(due.reminder, result.why)
    answer = result if isinstance(result, Answer) else Answer("unknown")
    aftermath = sending.after(answer.outcome, due.reminder, dedups=dedup, now=now(), limits=limits)
    return _settled(due, aftermath, answer, limits=limits)


def _withdrawn(reminder: Reminder, why: SkipReason) -> Step:
    """This will skip what was taken back before it left; what may have left before stays unknown."""
    return _lost(reminder, "unknown") if reminder.failed == "unknown" else _skipped(reminder, why)


def _settled(due: Due, aftermath: sending.Aftermath, answer: Answer, *, limits: Limits) -> Step:
    reminder = due.reminder
    identity = {"reminder_id": reminder.reminder_id}
    match aftermath:
        case sending.Done():
            return _taken(due, answer, limits=limits)
        case sending.Elsewhere(reason):
            change = {"state": "due", "tried": [*reminder.tried, reminder.channel], "why": reason, "look_at": now()}
            return Step(identity | change, [_later(reminder, now())])
        case sending.Later(at):
            return Step(identity | {"state": "due", "look_at": at}, [_later(reminder, at)])
        case sending.Again(at):
            return Step(identity | {"look_at": at, "why": "unknown"}, [_later(reminder, at)])
        case Lost(reason):
            return _lost(reminder, reason)


def _taken(due: Due, answer: Answer, *, limits: Limits) -> Step:
    reminder = due.reminder
    quiet = due.zone is not None and timing.is_quiet(now(), zone=due.zone, hours=limits.hours)
    change = {"reminder_id": reminder.reminder_id, "state": "accepted", "why": None, "sent_at": now(), "quiet": quiet}
    sent = ReminderSent(**_about(reminder), kind=reminder.kind, channel=reminder.channel or "sms", sent_at=now())
    return Step(change | {"provider_id": answer.provider_id}, [sent])
