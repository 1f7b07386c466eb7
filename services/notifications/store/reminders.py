"""What is planned, and how far each message has come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules.sending import Reminder, Session
from services.notifications.rules.timing import Plan
from services.notifications.store.tables import people, reminders, sessions, supporters
from shared.database import insert_or_ignore
from shared.events.notifications import Channel, SkipReason
from shared.events.scheduling import SeriesBooked, SessionCancelled

GIVEN_AWAY = ("sending", "accepted", "delivered", "unknown")
"""States in which a message has, or may have, left for the person."""

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


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
        await db.execute(insert_or_ignore(sessions), rows)


async def add(db: AsyncConnection, planned: Sequence[tuple[SeriesBooked, Plan]], *, at: datetime) -> set[UUID]:
    """This will keep what was planned, and give the ids of the messages that are new."""
    wanted = select(reminders.c.reminder_id).where(reminders.c.series_id.in_({one.series_id for one, _ in planned}))
    before = set((await db.scalars(wanted)).all())
    rows: list[dict[str, Any]] = [
        {
            "reminder_id": plan.reminder_id,
            "series_id": one.series_id,
            "session_id": plan.session_id,
            "person_id": one.person_id,
            "kind": plan.kind,
            "due": plan.due,
            "look_at": plan.due,
            "planned_at": at,
            "state": "due",
            "tried": [],
        }
        for one, plan in planned
        if plan.reminder_id not in before
    ]
    if rows:
        await db.execute(insert_or_ignore(reminders), rows)
    return {row["reminder_id"] for row in rows}


async def cancel(db: AsyncConnection, cancelled: SessionCancelled, *, at: datetime) -> None:
    """This will remember that a session will not take place; its messages find out when they ring."""
    ended = update(sessions).where(sessions.c.session_id == cancelled.session_id, sessions.c.cancelled_at.is_(None))
    await db.execute(ended.values(cancelled_at=at))


async def looked_at(db: AsyncConnection, reminder_ids: Iterable[UUID], *, now: datetime) -> list[Due]:
    """This will give the messages whose moment has come, in the order in which they were due."""
    open_still = reminders.c.reminder_id.in_(sorted(set(reminder_ids))) & reminders.c.state.in_(["due", "sending"])
    return await _with_sessions(db, and_(open_still, reminders.c.look_at <= now))


async def waiting_for(db: AsyncConnection, person_id: UUID) -> list[Due]:
    """This will give a person's messages that have not been given to a channel."""
    return await _with_sessions(db, (reminders.c.person_id == person_id) & (reminders.c.state == "due"))


async def some(db: AsyncConnection, reminder_ids: Iterable[UUID]) -> dict[UUID, Due]:
    """This will give messages by their ids, those that are there."""
    found = await _with_sessions(db, reminders.c.reminder_id.in_(sorted(set(reminder_ids))))
    return {each.reminder.reminder_id: each for each in found}


async def _with_sessions(db: AsyncConnection, which: Any) -> list[Due]:
    """This will join messages to their sessions; a session without a name takes the supporter's."""
    joined = (
        reminders.join(sessions, reminders.c.session_id == sessions.c.session_id)
        .outerjoin(supporters, sessions.c.supporter_id == supporters.c.supporter_id)
        .outerjoin(people, reminders.c.person_id == people.c.person_id)
    )
    about = [each for each in sessions.c if each.name not in ("session_id", "person_id", "series_id", "public_name")]
    named = [sessions.c.public_name, supporters.c.public_name.label("supporter_name"), people.c.zone]
    wanted = select(reminders, *about, *named).select_from(joined).where(which)
    return [_due(row) for row in await db.execute(wanted.order_by(reminders.c.due, reminders.c.reminder_id))]


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
    columns = select(reminders.c.person_id, reminders.c.reminder_id, reminders.c.intended_at)
    given = reminders.c.state.in_(GIVEN_AWAY) & (reminders.c.intended_at >= since)
    found: dict[UUID, dict[UUID, datetime]] = {}
    for row in await db.execute(columns.where(reminders.c.person_id.in_(sorted(set(person_ids))), given)):
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
        statement = update(reminders).where(reminders.c.reminder_id == bindparam("which"))
        await db.execute(statement.values({each: bindparam(f"to_{each}") for each in columns}), rows)


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
    which = (
        reminders.c.person_id.in_(list(person_ids))
        & reminders.c.state.in_(GIVEN_AWAY)
        & sessions.c.cancelled_at.is_(None)
        & (sessions.c.starts_at > now)
    )
    newest = (
        select(reminders.c.reminder_id).join(sessions, reminders.c.session_id == sessions.c.session_id).where(which)
    )
    order = (reminders.c.intended_at.desc(), sessions.c.starts_at)
    found = await db.scalar(newest.order_by(*order).limit(1))
    return (await some(db, [found]))[found].session if found else None


async def history(db: AsyncConnection, person_id: UUID) -> list[dict[str, Any]]:
    """This will list a person's messages: when, how and whether, never the words."""
    shown = ("reminder_id", "session_id", "kind", "due", "state", "why", "channel", "attempt", "sent_at")
    wanted = select(*(reminders.c[each] for each in shown)).where(reminders.c.person_id == person_id)
    return [dict(row) for row in (await db.execute(wanted.order_by(reminders.c.due))).mappings()]
