"""One service's store, read whole with plain SQL: nothing here knows the services' code."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared import names
from shared.database import Database

Row = Mapping[str, Any]

READ: Mapping[str, Sequence[str]] = {
    "referrals": (
        "referral_id, person_id, organisation, state, crisis_at, acknowledged_at, test, awaits, act_by from referrals",
    ),
    "matching": (
        "referral_id, person_id, state, bridged_at, waitlisted_at from referrals",
        "match_id, referral_id, person_id, supporter_id, state, counts from matches",
        "supporter_id, held, room from supporters",
        "offer_id, referral_id, supporter_id, state, counts from offers",
    ),
    "scheduling": (
        "series_id, match_id, referral_id, person_id, state from series",
        "session_id, series_id, supporter_id, starts_at, ends_at, zone, state from sessions",
        "seat_id, session_id, series_id, person_id, starts_at, ends_at, state, minutes, started_at, "
        "service_date, units_delivered, units_covered, denied, payer from seats",
    ),
    "notifications": (
        "session_id, series_id, person_id, starts_at, cancelled_at from sessions",
        "reminder_id, series_id, session_id, person_id, kind, due, look_at, planned_at, state, channel, intended_at, "
        "sent_at, quiet from reminders",
        "answer_id, state from answers",
        "person_id, zone from people",
        "person_id, at from opt_outs",
    ),
}
"""What the promises need of each service's own tables."""

READ_EVERYWHERE = (
    "event_id, channel, stream, key, version, type, body, said_at, sent_at, sequence from outbox",
    "channel, key, version, opens from spoken",
    "source, key, version from heard",
    "event_id, source, state from letters",
    "errand_key, state from errands",
    "timer_id, type, due, rung_at, attempts from timers",
    "task_id, kind, about, done_at from tasks",
    "stream, created, sequence from carried",
)


class CannotLook(Exception):
    """Something a promise is held against cannot be read; the message says what, and what to do."""


class Books:
    """The rows of a store by table; ids are UUID text, times are aware UTC."""

    def __init__(self, tables: Mapping[str, list[Row]]) -> None:
        self._tables = tables

    def __getitem__(self, table: str) -> list[Row]:
        return self._tables[table]

    def ids(self, table: str, column: str) -> set[str]:
        """This will give the ids in a column."""
        return {row[column] for row in self[table] if row[column] is not None}

    def said(self, kind: str) -> Iterator[tuple[datetime, Any]]:
        """This will give the facts of a type that the service said, each with its domain time."""
        for row in self["outbox"]:
            if row["type"] == kind:
                yield row["said_at"], json.loads(row["body"])


class Stores(Mapping[str, Books]):
    """Every service's books; asking for one that could not be read raises CannotLook."""

    def __init__(self, found: Mapping[str, Books | CannotLook]) -> None:
        self._found = found

    def __getitem__(self, service: str) -> Books:
        found = self._found[service]
        if isinstance(found, CannotLook):
            raise found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(names.SERVICES)

    def __len__(self) -> int:
        return len(names.SERVICES)


async def open_books(databases: Mapping[str, str]) -> Stores:
    """This will read every service's store, each in one consistent view."""
    return Stores({service: await _readable(service, url) for service, url in databases.items()})


async def _readable(service: str, url: str) -> Books | CannotLook:
    database = Database.open(url)
    if database.path and not database.path.exists():
        return CannotLook(f"{database.path} is missing: was {service} ever started here?")
    try:
        return await _read(service, database)
    except (SQLAlchemyError, OSError, TimeoutError) as wrong:
        return CannotLook(f"the store of {service} cannot be read ({type(wrong).__name__}): is its database up?")
    finally:
        await database.close()


async def _read(service: str, database: Database) -> Books:
    tables: dict[str, list[Row]] = {}
    async with database.reading() as db:
        for wanted in (*READ_EVERYWHERE, *READ[service]):
            rows = (await db.execute(text(f"select {wanted}"))).mappings()
            tables[wanted.rsplit(" ", 1)[-1]] = [{name: _plain(name, each[name]) for name in each} for each in rows]
    return Books(tables)


def _plain(name: str, value: Any) -> Any:
    """This will make both databases' values alike."""
    if value is None:
        return None
    if isinstance(value, UUID) or (name.endswith("_id") and len(str(value)) == 32):
        return str(UUID(str(value)))
    if name == "denied":
        return json.loads(value) if isinstance(value, str) else value
    if isinstance(value, str) and name in TIMES:
        return datetime.fromisoformat(value)
    return value


TIMES = {
    "act_by",
    "at",
    "bridged_at",
    "cancelled_at",
    "done_at",
    "due",
    "ends_at",
    "intended_at",
    "look_at",
    "planned_at",
    "rung_at",
    "said_at",
    "sent_at",
    "started_at",
    "starts_at",
    "waitlisted_at",
}
