"""Compares what the broker holds with what was carried to it, and finds what has to be said again.

A stream tells its places and its holes for nothing, so they are looked at every two seconds. What its disk has spoilt
nats-server notices when it starts after a kill: it reads its files, and leaves out all from a flipped bit to the end of
the file. While it runs, and after an orderly end, it believes its index: the counts stay right, and readers are led
past the spoilt message in silence. So a stream is read back as well, little by little, for ever.
"""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import names
from shared.clock import real
from shared.database import Database, upsert
from shared.mailbox.meters import Meters
from shared.mailbox.tables import carried, outbox
from shared.several import among

logger = logging.getLogger(__name__)
READ_AT_ONCE, READ_BYTES = 200, 1 << 20
ANSWER_WITHIN = 5.0
NO_SUCH_STREAM = 10059
DETAILS = b'{"deleted_details": true}'
FOR_EVER = timedelta(days=36_500)
SLACK = timedelta(hours=1)
"""A row so near the end of its time is not missed, whatever the clocks of broker and service say."""

ENDS = ("204", "404")
"""How JetStream ends a list of messages: there are no more for now, or none at all."""

MANY_RUNS = 100
LAST = 2**63 - 1
KNOWN = upsert(carried, keys=["stream"], change=["created", "sequence"])


class NotTaken(Exception):
    """JetStream did not take what was published; the reason is its own error code."""


class Forgotten(NotTaken):
    """JetStream did not take a message because it had it once; it takes it without the id."""


@dataclass(frozen=True)
class Held:
    """What a stream says it holds: the places `first` to `last` but for the `holes`, each as long as it `keeps` them.

    A stream that `drops` is full and lets go of its oldest.
    """

    created: str
    first: int
    last: int
    holes: int
    keeps: timedelta
    drops: bool
    missing: tuple[int, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Lost:
    """Places, both ends included, that hold nothing now; what was carried before `since` has only grown old."""

    begin: int
    end: int
    since: datetime | None = None


def held(told: dict[str, Any]) -> Held:
    """This will read what JetStream answers to STREAM.INFO."""
    config, state = told.get("config", {}), told["state"]
    last, count = int(state["last_seq"]), int(state.get("messages", state["last_seq"]))
    first = int(state.get("first_seq", 1)) if count else last + 1
    age = config.get("max_age", 0)
    return Held(
        created=told["created"],
        first=first,
        last=last,
        holes=last - first + 1 - count,
        keeps=timedelta(microseconds=age // 1000) if age else FOR_EVER,
        drops=config.get("discard") == "old" and state["bytes"] > config["max_bytes"] - 2 * names.MESSAGE_BYTES > 0,
        missing=tuple(sorted(state.get("deleted") or ())),
    )


def lost(now: Held, *, before: Held | None, reached: int, back_to: int | None, at: datetime) -> list[Lost]:
    """This will list the places that have lost what they held; `reached` is how far we had got.

    `back_to` is a place that was given out a second time: all from there on is another history.
    """
    found = [Lost(min(now.last + 1, back_to or LAST), reached)]
    if not now.drops:
        found.append(Lost(before.first if before else 1, now.first - 1, since=at - now.keeps + SLACK))
    known = before.missing if before else ()
    found += [Lost(begin, end) for begin, end in runs(sorted({*now.missing} - {*known}))]
    if len(now.missing) < now.holes and not (before and before.holes == now.holes):
        found.append(Lost(now.first, now.last))
    return [each for each in found if each.begin <= each.end]


def runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """This will join places that follow each other; of very many runs, the one that spans them all."""
    found: list[tuple[int, int]] = []
    for each in places:
        if found and found[-1][1] == each - 1:
            found[-1] = found[-1][0], each
        else:
            found.append((each, each))
    return found if len(found) <= MANY_RUNS else [(found[0][0], found[-1][1])]


class Memory:
    """What one relay knows of the streams it carries to."""

    looks_every, reads_every = 2.0, 30.0

    def __init__(self, database: Database, meters: Meters) -> None:
        self.database, self.meters = database, meters
        self._look_at: dict[str, float] = {}
        self._read_at: dict[str, float] = {}
        self._seen: dict[str, Held] = {}
        self._reached: dict[str, int] = {}
        self._back_to: dict[str, int] = {}
        self._known_at = defaultdict[str, set[int]](set)
        self._place: dict[str, int] = {}

    def taken(self, told: dict[str, Any]) -> int:
        """This will give the place that JetStream acknowledged, and notice one that it had given out before.

        It raises Forgotten when that is where JetStream had the same message until it lost it: it knows its id still.
        """
        stream, last = told.get("stream", ""), int(told["seq"])
        if told.get("duplicate"):
            if self.has_lost(stream, last):
                raise Forgotten("the message is known by its id, and gone")
            self._known_at[stream].add(last)
            return last
        first = last - told.get("count", 1) + 1
        if first <= self._reached.get(stream, 0):
            self._back_to[stream] = min(first, self._back_to.get(stream, first))
        return last

    def has_lost(self, stream: str, place: int) -> bool:
        """This will say whether a place was empty when the stream was last looked at, although it got further."""
        seen = self._seen.get(stream)
        return bool(seen and (place < seen.first or place in seen.missing))

    def reached(self, stream: str, place: int) -> None:
        """This will remember how far a stream has certainly got."""
        self._reached[stream] = max(place, self._reached.get(stream, 0))

    async def look(self, connection: Any, stream: str) -> int:
        """This will look at a stream every two seconds, or when it went back, and count what is to be said again."""
        clock, back_to = time.monotonic(), await self._went_back(stream)
        if back_to is None and clock < self._look_at.get(stream, clock):
            return 0
        told, count = await _state(connection, stream), 0
        if back_to or told != self._seen.get(stream) or told.last < self._reached[stream]:
            count = await self._compare(connection, stream, back_to)
        self._look_at[stream] = clock + self.looks_every
        return count

    async def _went_back(self, stream: str) -> int | None:
        """This will give the place from which on the stream has another history than we have written down.

        Where JetStream knew a message already, an earlier process gave it: what stands in our books there was lost.
        """
        if places := self._known_at.pop(stream, None):
            taken = select(func.min(outbox.c.sequence)).where(outbox.c.stream == stream)
            async with self.database.reading() as db:
                found = await db.scalar(taken.where(among(outbox.c.sequence, "places")), {"places": sorted(places)})
            if found:
                self._back_to[stream] = min(found, self._back_to.get(stream, found))
        return self._back_to.get(stream)

    async def _compare(self, connection: Any, stream: str, back_to: int | None) -> int:
        async with self.database.reading() as db:
            known = (await db.execute(select(carried).where(carried.c.stream == stream))).mappings().first()
        # Asked after our own books were read: what stands in them was carried before, and has to be there.
        now, before = await _state(connection, stream), self._seen.get(stream)
        if before and (before.first, before.holes) == (now.first, now.holes):
            now = replace(now, missing=before.missing)
        elif now.holes:
            now = await _state(connection, stream, DETAILS)
        places = self._lost(stream, known, now, back_to)
        moved = known is None or known["created"] != now.created or known["sequence"] > now.last
        count = await self._settle(stream, now, places) if places or moved else 0
        self._reached[stream] = now.last
        self._back_to.pop(stream, None)
        self._seen[stream] = now
        return count

    def _lost(self, stream: str, known: Any, now: Held, back_to: int | None) -> list[Lost]:
        if known is None:
            return []
        if known["created"] != now.created:
            return [Lost(1, LAST)]
        return lost(now, before=self._seen.get(stream), reached=known["sequence"], back_to=back_to, at=real())

    async def _settle(self, stream: str, now: Held, places: Sequence[Lost]) -> int:
        """This will let be said again what was lost, and write down what the stream is now, in one transaction.

        Another share may find the same loss: rows that wait already have no place, and are not counted again.
        """
        async with self.database.transaction() as db:
            count = await self._say_again(db, stream, [_between(each) for each in places])
            await db.execute(KNOWN.values(stream=stream, created=now.created, sequence=now.last))
            return count

    async def _say_again(self, db: AsyncConnection, stream: str, which: Sequence[ColumnElement[bool]]) -> int:
        if not which:
            return 0
        rows = update(outbox).where(outbox.c.stream == stream, or_(*which)).values(sent_at=None, sequence=None)
        count = int((await db.execute(rows)).rowcount)
        if count:
            self.meters.forgotten.labels(stream).inc(count)
            logger.warning("%s forgot %d facts; they are said again", stream, count)
        return count

    async def read_back(self, connection: Any, stream: str) -> int:
        """This will read the next 200 messages of a stream every half minute, and count what is to be said again.

        It begins with the last ones: they tell a stream that was restored and has grown since. A stream of answers is
        its organisation's to read, not ours.
        """
        seen, clock = self._seen.get(stream), time.monotonic()
        due = clock >= self._read_at.get(stream, clock)
        if not seen or seen.first > seen.last or not due or stream.startswith(names.status_stream("")):
            return 0
        begin = self._place.get(stream, seen.last - READ_AT_ONCE + 1)
        begin = max(begin if begin <= seen.last else 1, seen.first)
        found, end = await _read(connection, stream, begin)
        end = seen.last if end is None else end
        self._place[stream] = end + 1
        count = await self._compare_messages(stream, begin, end, found)
        # Where something is spoilt, more may be: the rest is read without a pause.
        self._read_at[stream] = clock + (0 if count else self.reads_every)
        return count

    async def _compare_messages(self, stream: str, begin: int, end: int, found: dict[int, str]) -> int:
        within = outbox.c.stream == stream, outbox.c.sequence.between(begin, end)
        async with self.database.reading() as db:
            rows = (await db.execute(select(outbox.c.id, outbox.c.sequence, outbox.c.event_id).where(*within))).all()
        spoilt = [each.id for each in rows if found.get(each.sequence) != str(each.event_id)]
        if not spoilt:
            return 0
        async with self.database.transaction() as db:
            return await self._say_again(db, stream, [and_(outbox.c.id.in_(spoilt), *within)])


def _between(places: Lost) -> ColumnElement[bool]:
    inside = outbox.c.sequence.between(places.begin, places.end)
    return and_(inside, outbox.c.sent_at > places.since) if places.since else inside


async def _state(connection: Any, stream: str, how: bytes = b"") -> Held:
    answer = await connection.request(f"$JS.API.STREAM.INFO.{stream}", how, timeout=ANSWER_WITHIN)
    told = json.loads(answer.data)
    if "error" in told:
        missing = told["error"].get("err_code") == NO_SUCH_STREAM
        raise NotTaken("is missing: run `alongside topology`" if missing else told["error"]["description"])
    return held(told)


async def _read(connection: Any, stream: str, begin: int) -> tuple[dict[int, str], int | None]:
    """This will give the ids of the next messages by place, and the last place read; None when it was the end."""
    inbox = connection.new_inbox()
    answers = await connection.subscribe(inbox)
    request = {"seq": begin, "batch": READ_AT_ONCE, "max_bytes": READ_BYTES, "next_by_subj": ">"}
    try:
        await connection.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox)
        found: dict[int, str] = {}
        while True:
            headers = (await answers.next_msg(timeout=ANSWER_WITHIN)).headers or {}
            if headers.get("Status", "") not in ("", *ENDS):
                raise NotTaken(f"cannot be read back: {headers['Status']}")
            if "Nats-Sequence" not in headers:
                return found, max(found) if found and headers.get("Nats-Num-Pending", "0") != "0" else None
            found[int(headers["Nats-Sequence"])] = headers.get(names.EVENT_ID, "")
    finally:
        await answers.unsubscribe()
