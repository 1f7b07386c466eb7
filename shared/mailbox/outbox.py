"""Writes what was said into the same transaction as what it changed."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import BigInteger, Text, insert
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import names
from shared.clock import now, real
from shared.database import insert_or_ignore
from shared.events.fact import Fact
from shared.ids import dated
from shared.mailbox.letter import new_trace, write
from shared.mailbox.said import Errand, Later, Said, Status
from shared.mailbox.tables import errands, outbox, spoken, timers
from shared.sealed import seal
from shared.several import rows

TAKEN = rows("taken", channel=Text(), key=Text(), version=BigInteger())
_INSERT = postgresql.insert(spoken).from_select(["channel", "key", "version"], TAKEN)
RAISE = _INSERT.on_conflict_do_update(
    index_elements=["channel", "key"], set_={"version": spoken.c.version + _INSERT.excluded.version}
).returning(spoken.c.channel, spoken.c.key, spoken.c.version)
"""Raises the version of each key by how many facts are said of it, and gives the last."""
SPEAK, SET_TIMERS, INTEND = insert(outbox), insert_or_ignore(timers), insert_or_ignore(errands)

LARGEST_BODY = names.MESSAGE_BYTES - 8 * 1024
"""Bytes; the envelope needs a little."""

Traces = Callable[[str], str]
"""Finds the trace for an ordering key."""


async def say(db: AsyncConnection, speaker: str, said: Sequence[Said], traces: Traces | None = None) -> None:
    """This will write facts, statuses, timers and errands; ValueError when a fact belongs to another speaker."""
    trace = traces or _one_trace()
    spoken_now = [_row(speaker, each, trace) for each in said if isinstance(each, Fact | Status)]
    if spoken_now:
        await _number(db, spoken_now)
        await db.execute(SPEAK, spoken_now)
    later = [_timer(each, trace) for each in said if isinstance(each, Later)]
    if later:
        await db.execute(SET_TIMERS, later)
    outside = [_errand(each, trace) for each in said if isinstance(each, Errand)]
    if outside:
        await db.execute(INTEND, outside)


def _one_trace() -> Traces:
    trace = new_trace()
    return lambda _: trace


def _row(speaker: str, said: Fact | Status, trace: Traces) -> dict[str, Any]:
    if isinstance(said, Status):
        return _status_row(said, trace)
    if said.speaker() != speaker:
        raise ValueError(f"{speaker} cannot say {said.type_name()}: that is {said.speaker()}'s to say")
    sealed, key, partition = said.SEALED_FOR, said.key(), names.partition(said.key())
    moment = now()
    return {
        "event_id": dated(uuid4(), moment),
        "stream": names.SEALED_STREAM if sealed else names.stream(speaker),
        "subject": f"{said.address()}.{partition}",
        "partition": partition,
        "channel": f"sealed.{sealed}" if sealed else speaker,
        "key": key,
        "type": said.type_name(),
        "body": _small_enough(write(said), said.type_name()),
        "trace": trace(key),
        "said_at": moment,
    }


def _status_row(said: Status, trace: Traces) -> dict[str, Any]:
    subject, moment = names.status_subject(said.organisation, said.kind), now()
    return {
        "event_id": dated(uuid4(), moment),
        "stream": names.status_stream(said.organisation),
        "subject": subject,
        "partition": names.partition(said.about),
        "channel": subject,
        "key": said.about,
        "type": names.status_type(said.kind),
        "body": _small_enough(json.dumps(said.body, ensure_ascii=False).encode(), said.kind),
        "trace": trace(said.about),
        "said_at": moment,
    }


def _small_enough(body: bytes, what: str) -> bytes:
    """This will give the body back; ValueError for one that no broker takes, for it would hold up all that follow."""
    if len(body) > LARGEST_BODY:
        raise ValueError(f"{what} of {len(body):,} bytes is more than the broker takes: bound what it is made from")
    return body


async def _number(db: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """This will give each row the next version of its key, gapless; keys are taken in one order by everybody."""
    counts = Counter((each["channel"], each["key"]) for each in rows)
    taken = [{"channel": channel, "key": key, "version": count} for (channel, key), count in sorted(counts.items())]
    raised = await db.execute(RAISE, {"taken": taken})
    next_of = {(row.channel, row.key): row.version - counts[row.channel, row.key] for row in raised}
    for each in rows:
        place = each["channel"], each["key"]
        next_of[place] += 1
        each["version"] = next_of[place]


def _timer(said: Later, trace: Traces) -> dict[str, Any]:
    key = said.fact.key()
    return {
        "timer_id": said.timer_id(),
        "partition": names.partition(key),
        "type": said.fact.type_name(),
        "body": write(said.fact),
        "trace": trace(key),
        "due": said.due,
    }


def _errand(said: Errand, trace: Traces) -> dict[str, Any]:
    key = said.fact.key()
    return {
        "errand_key": said.key,
        "partition": names.partition(key),
        "type": said.fact.type_name(),
        "body": seal(said.fact.wire(), place="errands.body"),
        "trace": trace(key),
        "state": "intended",
        "intended_at": real(),
    }
