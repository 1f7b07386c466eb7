"""One service's store, read whole with plain SQL: nothing here knows the services' code."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.database import Database

Row = Mapping[str, Any]

READ: Mapping[str, Sequence[str]] = {
    "referrals": ("referral_id, person_id, state from referrals",),
    "matching": (
        "referral_id, person_id, state, bridged_at, waitlisted_at from referrals",
        "match_id, referral_id, person_id, supporter_id, state, counts from matches",
        "supporter_id, held, room from supporters",
        "offer_id, referral_id, supporter_id, state, counts from offers",
    ),
    "scheduling": (
        "series_id, match_id, referral_id, person_id, state from series",
        "session_id, series_id, supporter_id, starts_at, ends_at, state from sessions",
        "seat_id, session_id, series_id, person_id, starts_at, ends_at, state, units_delivered, units_covered, "
        "denied, payer from seats",
    ),
    "notifications": (
        "session_id, series_id, person_id, starts_at, cancelled_at from sessions",
        "reminder_id, session_id, person_id, kind, due, look_at, state, channel, intended_at, sent_at from reminders",
    ),
}
"""What the promises need of each service's own tables."""

READ_EVERYWHERE = (
    "event_id, channel, stream, key, version, type, body, sent_at, sequence from outbox",
    "channel, key, version, opens from spoken",
    "source, key, version from heard",
    "event_id, source, state from letters",
    "errand_key, state from errands",
    "timer_id, type, due, rung_at, attempts from timers",
    "task_id, kind, about, done_at from tasks",
    "stream, created, sequence from carried",
)


class Books:
    """The rows of a store by table; ids are UUID text, times are aware UTC."""

    def __init__(self, tables: Mapping[str, list[Row]]) -> None:
        self._tables = tables

    def __getitem__(self, table: str) -> list[Row]:
        return self._tables[table]

    def ids(self, table: str, column: str) -> set[str]:
        """This will give the ids in a column."""
        return {row[column] for row in self[table] if row[column] is not None}


async def open_books(databases: Mapping[str, str]) -> dict[str, Books]:
    """This will read every service's store, each in one consistent view."""
    return {service: await _read(service, url) for service, url in databases.items()}


async def _read(service: str, url: str) -> Books:
    database = Database.open(url)
    tables: dict[str, list[Row]] = {}
    async with database.reading() as db:
        for wanted in (*READ_EVERYWHERE, *READ[service]):
            rows = (await db.execute(text(f"select {wanted}"))).mappings()
            tables[wanted.rsplit(" ", 1)[-1]] = [{name: _plain(name, each[name]) for name in each} for each in rows]
    await database.close()
    return Books(tables)


def _plain(name: str, value: Any) -> Any:
    """This will make both databases' values alike."""
    if value is None:
        return None
    if isinstance(value, UUID) or (name.endswith("_id") and len(str(value)) == 32):
        return str(UUID(str(value)))
    if isinstance(value, str) and name in TIMES:
        return datetime.fromisoformat(value)
    return value


TIMES = {
    "starts_at",
    "ends_at",
    "due",
    "look_at",
    "sent_at",
    "intended_at",
    "cancelled_at",
    "rung_at",
    "done_at",
    "bridged_at",
    "waitlisted_at",
}
