"""The mailbox's tables, the same in every service's own database."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from shared import consents, linked, work
from shared.database import UtcTime
from shared.sealed_columns import Sealed

metadata = MetaData()
Serial = BigInteger().with_variant(Integer, "sqlite")

outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("stream", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("trace", Text, nullable=False),
    Column("said_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("sequence", BigInteger),
    UniqueConstraint("channel", "key", "version", name="one_fact_a_version"),
    Index("outbox_unsent", "id", postgresql_where=text("sent_at is null"), sqlite_where=text("sent_at is null")),
    Index("outbox_carried", "stream", "sequence"),
)
"""What this service said; `sequence` is where JetStream keeps it, `said_at` domain time, `sent_at` real time."""

spoken = Table(
    "spoken",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("opens", BigInteger, nullable=False, server_default="1"),
)
"""The last version said of each key, and the first that the outbox still holds."""

carried = Table(
    "carried",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("created", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)
"""What the relay knows of each stream: when it was created and how far it had got."""

heard = Table(
    "heard",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""The last version applied of each speaker's key, so that a second hearing of it has no effect."""

inbox = Table(
    "inbox",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("source", Text, nullable=False),
    Column("heard_at", UtcTime, nullable=False),
    Index("inbox_by_time", "heard_at"),
)
"""What organisations posted that had its effect here, so that a second hearing has none; facts are in `heard`."""

letters = Table(
    "letters",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("opens", BigInteger, nullable=False),
    Column("preceded_at", UtcTime),
    Column("type", Text, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try", UtcTime, nullable=False),
    Column("error", Text, nullable=False),
    Column("put_aside_at", UtcTime, nullable=False),
    Index("letters_to_try", "state", "next_try"),
    Index("letters_of_a_key", "source", "key", "version"),
)
"""Letters put aside, sealed: `parked` came too early, `retrying` failed, `dead` is given up until the next start."""

letter_acts = Table(
    "letter_acts",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("letter_id", Uuid, nullable=False),
    Column("what", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Sealed("letter_acts.reason"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("acts_of_a_letter", "letter_id"),
)
"""What a person did with a letter put aside, and why; kept for ever: it tells who has read what."""

timers = Table(
    "timers",
    metadata,
    Column("timer_id", Uuid, primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("trace", Text, nullable=False),
    Column("due", UtcTime, nullable=False),
    Column("rung_at", UtcTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try", UtcTime),
    Column("error", Text),
    Index("timers_waiting", "due", postgresql_where=text("rung_at is null"), sqlite_where=text("rung_at is null")),
    Index(
        "timers_rung", "rung_at", postgresql_where=text("rung_at is not null"), sqlite_where=text("rung_at is not null")
    ),
)
"""What is to come back to this service, in domain time; `rung_at` is real time, and 31 days after it a row goes."""

errands = Table(
    "errands",
    metadata,
    Column("errand_key", Text, primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("trace", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("intended_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    Index("errands_open", "state", postgresql_where=text("state <> 'done'"), sqlite_where=text("state <> 'done'")),
    Index(
        "errands_done",
        "done_at",
        postgresql_where=text("done_at is not null"),
        sqlite_where=text("done_at is not null"),
    ),
)
"""Calls to the outside world: `intended`, `calling`, `done`, or `stuck` until the next start; the bodies are sealed."""

SHARED = (metadata, work.metadata, consents.metadata, linked.metadata)


def add_to(target: MetaData) -> MetaData:
    """This will add the tables that every service has to a service's own metadata."""
    for each in SHARED:
        for table in each.sorted_tables:
            table.to_metadata(target)
    return target


def create_first(op: Any) -> None:
    """This will create, in a service's first migration, the tables that every service has."""
    for each in SHARED:
        each.create_all(op.get_bind())
