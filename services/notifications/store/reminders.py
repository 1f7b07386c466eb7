"""What is planned, and how far each message has come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, Update, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules.sending import Reminder, Session
from services.notifications.store.tables import people, reminders, sessions, supporters
from shared.database import insert_or_ignore
from shared.events.notifications import Channel, PlannedReminder, SkipReason
from shared.events.scheduling import SeriesBooked, SessionCancelled
from shared.several import among

GIVEN_AWAY = ("sending", "accepted", "delivered", "unknown")
"""States in which a message has, or may have, left for the person."""

NEVER = datetime(9999, 12, 31, tzinfo=UTC)

DUES = select(
    *(reminders.c[each] for each in ("reminder_id", "session_id", "person_id", "kind", "due", "planned_at", "look_at")),
    *(reminders.c[each] for each in ("state", "why", "channel", "attempt", "tried")),
    *(sessions.c[each] for each in ("series_id", "site_id", "starts_at", "modality", "public_name", "cancelled_at")),
    supporters.c.public_name.label("supporter_name"),
    people.c.zone,
).select_from(
    reminders.join(sessions, reminders.c.session_id == sessions.c.session_id)
    .outerjoin(supporters, sessions.c.supporter_id == supporters.c.supporter_id)
    .outerjoin(people, reminders.c.person_id == people.c.person_id)
)
"""Messages joined to their sessions; a session without a name takes the supporter's."""

KNOWN = DUES.where(among(reminders.c.reminder_id, "some"))
LOOKED_AT = (
    KNOWN.where(reminders.c.state.in_(["due", "sending"]))
    .where(reminders.c.look_at <= bindparam("now"))
    .order_by(reminders.c.due, reminders.c.reminder_id)
)
WAITING = (
    DUES.where(reminders.c.state == "due")
    .where(among(reminders.c.person_id, "people"))
    .order_by(reminders.c.due, reminders.c.reminder_id)
)
THEIRS = among(reminders.c.person_id, "theirs") & reminders.c.state.in_(GIVEN_AWAY)
LAST_REMINDED = (
    DUES.where(THEIRS)
    .where(sessions.c.cancelled_at.is_(None), sessions.c.starts_at > bindparam("now"))
    .order_by(reminders.c.intended_at.desc(), sessions.c.starts_at)
    .limit(1)
)
SENT_SINCE = (
    select(reminders.c.person_id, reminders.c.reminder_id, reminders.c.intended_at)
    .where(THEIRS)
    .where(reminders.c.intended_at >= bindparam("since"))
)
OF_SERIES = select(reminders.c.reminder_id).where(among(reminders.c.series_id, "series"))
BOOK, ADD = insert_or_ignore(sessions), insert_or_ignore(reminders)
CANCEL = (
    update(sessions)
    .where(among(sessions.c.session_id, "some"), sessions.c.cancelled_at.is_(None))
    .values(cancelled_at=bindparam("at"))
)


@dataclass(frozen=True)
class Due:
    """A message with the session it is about, and the person's zone when that is known."""

    reminder: Reminder
    session: Session
    zone: ZoneInfo | None


async def book(db: AsyncConnection, series: Iterable[SeriesBooked]) -> None:
    """This will remember the sessions of series, each once."""
    rows: list[dict[str, Any]] = [
        {
            "session_id": each.session_id,
            "series_id": one.series_id,
            "person_id": one.person_id,
            "supporter_id": one.supporter_id,
            "site_id": one.site_id,
            "starts_at": each.starts_at,
            "modality": each.modality,
            "public_name": one.public_name,
        }
        for one in series
        for each in one.sessions
    ]
    if rows:
        await db.execute(BOOK, rows)


async def add(
    db: AsyncConnection, planned: Iterable[tuple[SeriesBooked, list[PlannedReminder]]], *, at: datetime
) -> list[tuple[SeriesBooked, list[PlannedReminder]]]:
    """This will keep what was planned for series, and give those with messages that are new, and those messages."""
    before = set((await db.scalars(OF_SERIES, {"series": [one.series_id for one, _ in planned]})).all())
    added = [(one, [each for each in plans if each.reminder_id not in before]) for one, plans in planned]
    rows = [_row(one, each, at=at) for one, plans in added for each in plans]
    if rows:
        await db.execute(ADD, rows)
    return [(one, plans) for one, plans in added if plans]


def _row(series: SeriesBooked, plan: PlannedReminder, *, at: datetime) -> dict[str, Any]:
    return {
        "reminder_id": plan.reminder_id,
        "series_id": series.series_id,
        "session_id": plan.session_id,
        "person_id": series.person_id,
        "kind": plan.kind,
        "due": plan.due,
        "look_at": plan.due,
        "planned_at": at,
        "state": "due",
        "tried": [],
    }


async def cancel(db: AsyncConnection, cancelled: Iterable[SessionCancelled], *, at: datetime) -> None:
    """This will remember which sessions will not take place; their messages find out when they ring."""
    await db.execute(CANCEL, {"some": sorted({each.session_id for each in cancelled}), "at": at})


async def looked_at(db: AsyncConnection, reminder_ids: Iterable[UUID], *, now: datetime) -> list[Due]:
    """This will give the messages whose moment has come, in the order in which they were due."""
    return await _dues(db, LOOKED_AT, some=sorted(set(reminder_ids)), now=now)


async def waiting_for(db: AsyncConnection, person_ids: Iterable[UUID]) -> list[Due]:
    """This will give people's messages that have not been given to a channel."""
    return await _dues(db, WAITING, people=list(person_ids))


async def some(db: AsyncConnection, reminder_ids: Iterable[UUID]) -> dict[UUID, Due]:
    """This will give messages by their ids, those that are there."""
    found = await _dues(db, KNOWN, some=sorted(set(reminder_ids)))
    return {each.reminder.reminder_id: each for each in found}


async def _dues(db: AsyncConnection, wanted: Select[Any], **which: Any) -> list[Due]:
    return [_due(row) for row in await db.execute(wanted, which)]


def _due(row: Row[Any]) -> Due:
    session = Session(
        session_id=row.session_id,
        series_id=row.series_id,
        person_id=row.person_id,
        site_id=row.site_id,
        starts_at=row.starts_at,
        modality=row.modality,
        public_name=row.public_name or row.supporter_name,
        cancelled=row.cancelled_at is not None,
    )
    return Due(_reminder(row), session, ZoneInfo(row.zone) if row.zone else None)


def _reminder(row: Row[Any]) -> Reminder:
    return Reminder(
        reminder_id=row.reminder_id,
        session_id=row.session_id,
        person_id=row.person_id,
        kind=row.kind,
        due=row.due,
        state=row.state,
        planned_at=row.planned_at,
        look_at=row.look_at,
        channel=row.channel,
        attempt=row.attempt,
        tried=tuple(row.tried),
        failed=row.why or "refused",
    )


async def sent_since(
    db: AsyncConnection, person_ids: Iterable[UUID], *, since: datetime
) -> dict[UUID, dict[UUID, datetime]]:
    """This will give, by person and message, when messages were given to a channel."""
    found: dict[UUID, dict[UUID, datetime]] = {}
    for row in await db.execute(SENT_SINCE, {"theirs": sorted(set(person_ids)), "since": since}):
        found.setdefault(row.person_id, {})[row.reminder_id] = row.intended_at
    return found


async def change(db: AsyncConnection, changes: Sequence[dict[str, Any]]) -> None:
    """This will change messages; each change names its `reminder_id` and the columns it sets, the same for each."""
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for each in changes:
        columns = tuple(sorted(set(each) - {"reminder_id"}))
        by_columns.setdefault(columns, []).append(
            {"which": each["reminder_id"], **{f"to_{c}": each[c] for c in columns}}
        )
    for columns, rows in by_columns.items():
        await db.execute(_setting(columns), rows)


@cache
def _setting(columns: tuple[str, ...]) -> Update:
    """This will be the statement that sets these columns of a message; there are only as many as ways to change one."""
    one = update(reminders).where(reminders.c.reminder_id == bindparam("which"))
    return one.values({each: bindparam(f"to_{each}") for each in columns})


def intended(reminder: Reminder, channel: Channel, *, at: datetime) -> dict[str, Any]:
    """This will be the change to `sending`; whatever rings meanwhile finds nothing to do."""
    attempt = reminder.attempt + 1 if reminder.channel == channel else 1
    change = {"state": "sending", "channel": channel, "attempt": attempt, "look_at": NEVER}
    first = {} if reminder.state == "sending" else {"intended_at": at}
    return {"reminder_id": reminder.reminder_id, **change, **first}


def skipped(reminder: Reminder, why: SkipReason) -> dict[str, Any]:
    """This will be the change to `skipped`."""
    return {"reminder_id": reminder.reminder_id, "state": "skipped", "why": why}


async def last_reminded(db: AsyncConnection, person_ids: Iterable[UUID], *, now: datetime) -> Session | None:
    """This will give the session ahead that one of these people was last written to about."""
    found = await _dues(db, LAST_REMINDED, theirs=list(person_ids), now=now)
    return found[0].session if found else None


async def history(db: AsyncConnection, person_id: UUID) -> list[dict[str, Any]]:
    """This will list a person's messages: when, how and whether, never the words."""
    shown = ("reminder_id", "session_id", "kind", "due", "state", "why", "channel", "attempt", "sent_at")
    wanted = select(*(reminders.c[each] for each in shown)).where(reminders.c.person_id == person_id)
    return [dict(row) for row in (await db.execute(wanted.order_by(reminders.c.due))).mappings()]
