"""Carries what was said to JetStream, and says it again when the broker has forgotten."""

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import nats.errors
from sqlalchemy import and_, bindparam, select, update

from shared import names
from shared.clock import real
from shared.database import Database
from shared.mailbox.loop import Loop, unasked
from shared.mailbox.memory import ANSWER_WITHIN, Forgotten, Memory, NotTaken
from shared.mailbox.meters import Meters
from shared.mailbox.tables import carried, outbox, spoken
from shared.several import among

logger = logging.getLogger(__name__)
AT_ONCE = 500
ATOMIC_FROM = 16
MESSAGE_ID = "Nats-Msg-Id"
preceding = outbox.alias("preceding")
BEFORE = and_(
    preceding.c.channel == outbox.c.channel,
    preceding.c.key == outbox.c.key,
    preceding.c.version == outbox.c.version - 1,
)
UNSENT = (
    select(outbox, spoken.c.opens, preceding.c.sent_at.label("preceded_at"))
    .join(spoken, and_(spoken.c.channel == outbox.c.channel, spoken.c.key == outbox.c.key))
    .outerjoin(preceding, BEFORE)
    .where(outbox.c.sent_at.is_(None))
    .where(among(outbox.c.partition, "partitions"), ~among(outbox.c.stream, "resting"))
    .order_by(outbox.c.id)
    .limit(AT_ONCE)
)
SENT = update(outbox).where(outbox.c.id == bindparam("row"))
SENT = SENT.values(sent_at=bindparam("at"), sequence=bindparam("place"))
FURTHER = update(carried).where(carried.c.stream == bindparam("to"), carried.c.sequence < bindparam("furthest"))
FURTHER = FURTHER.values(sequence=bindparam("furthest"))


class Relay(Loop):
    """One share's way out: unsent rows in order, atomic batches from 16 messages on, single pipelined ones below."""

    def __init__(self, speaker: str, database: Database, meters: Meters, share: str) -> None:
        super().__init__()
        self.speaker, self.database, self.meters = speaker, database, meters
        self.partitions = names.partitions_of(share)
        self.connection: Any = None
        self.memory = Memory(database, meters)
        self._rests: dict[str, tuple[float, float]] = {}
        self._streams: set[str] = {names.stream(speaker)}
        self._known = False
        self.every = min(unasked(share), self.memory.looks_every)

    async def once(self) -> bool:
        """This will carry up to 500 rows, every stream beside the others; one that refuses rests, the others go on."""
        rows = defaultdict[str, list[Any]](list)
        unsent = await self._unsent()
        for row in unsent:
            rows[row["stream"]].append(row)
        self._streams |= rows.keys()
        awake = sorted(self._streams - self._resting())
        under_way = [self._carry_or_rest(stream, rows[stream]) for stream in awake]
        sent = await asyncio.gather(*under_way, return_exceptions=True)
        taken = {stream: some for stream, some in zip(awake, sent, strict=True) if isinstance(some, list)}
        await self._mark_sent(taken)
        if wrong := next((each for each in sent if isinstance(each, BaseException)), None):
            raise wrong
        return len(unsent) == AT_ONCE and any(taken.values())

    def _resting(self) -> set[str]:
        return {stream for stream, (until, _) in self._rests.items() if time.monotonic() < until}

    def _rest(self, stream: str, wrong: Exception) -> None:
        pause = min(self._rests.get(stream, (0.0, 0.1))[1] * 2, 5.0)
        self._rests[stream] = time.monotonic() + pause, pause
        reason = str(wrong) or type(wrong).__name__
        logger.warning("%s takes nothing (%s); again in %.1f s", stream, reason, pause)

    async def _unsent(self) -> list[Any]:
        if not self._known:
            async with self.database.reading() as db:
                self._streams |= set((await db.execute(select(carried.c.stream))).scalars())
            self._known = True
        which = {"partitions": self.partitions, "resting": sorted(self._resting())}
        async with self.database.reading() as db:
            return list((await db.execute(UNSENT, which)).mappings())

    async def _remember(self, stream: str) -> None:
        """This will have said again, in the next round, what the stream has lost."""
        if await self.memory.look(self.connection, stream) + await self.memory.read_back(self.connection, stream):
            self.wake()

    async def _carry_or_rest(self, stream: str, rows: Sequence[Any]) -> list[dict[str, Any]]:
        try:
            return await self._carry(stream, rows)
        except (NotTaken, nats.errors.Error, TimeoutError) as wrong:
            self._rest(stream, wrong)
            return []

    async def _carry(self, stream: str, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """This will publish rows of one stream, and give those that it took, each with its place."""
        await self._remember(stream)
        answers = await self._published(rows) if rows else []
        if rows:
            # A place given out twice tells of a loss: it is judged before these rows have places of their own.
            await self._remember(stream)
        if refused := next((each for each in answers if isinstance(each, NotTaken)), None):
            self._rest(stream, refused)
        else:
            self._rests.pop(stream, None)
        taken = [(row, answer) for row, answer in zip(rows, answers, strict=True) if isinstance(answer, int)]
        # What was lost again before it was written down is not sent: it is carried in the next round.
        held = [(row, place) for row, place in taken if not self.memory.has_lost(stream, place)]
        return [{"row": row["id"], "at": real(), "place": place} for row, place in held]

    async def _published(self, rows: Sequence[Any]) -> Sequence[int | NotTaken]:
        """This will give each row's place in the stream, or why it was not taken."""
        if len(rows) >= ATOMIC_FROM:
            with suppress(NotTaken):
                return await self._batch(rows)
        return await asyncio.gather(*(self._singly(each) for each in rows))

    async def _mark_sent(self, sent: Mapping[str, Sequence[dict[str, Any]]]) -> None:
        """This will write down, in one transaction, what was taken, and how far each stream has got."""
        furthest = {stream: max(each["place"] for each in some) for stream, some in sent.items() if some}
        if not furthest:
            return
        # The stream has got there, whatever becomes of the transaction: a place given out again must be noticed.
        for stream, place in furthest.items():
            self.memory.reached(stream, place)
        async with self.database.transaction() as db:
            await db.execute(SENT, [each for some in sent.values() for each in some])
            await db.execute(FURTHER, [{"to": stream, "furthest": place} for stream, place in sorted(furthest.items())])
        for stream in furthest:
            self.meters.sent.labels(stream).inc(len(sent[stream]))

    async def _singly(self, row: Any) -> int | NotTaken:
        headers = _headers(row)
        try:
            with suppress(Forgotten):
                return await self._ask(row["subject"], row["body"], headers)
            del headers[MESSAGE_ID]
            return await self._ask(row["subject"], row["body"], headers)
        except NotTaken as refused:
            return refused

    async def _batch(self, rows: Sequence[Any]) -> list[int]:
        """This will publish rows of one stream as one atomic batch: all of them, or none."""
        batch = uuid4().hex
        for number, row in enumerate(rows[:-1], 1):
            headers = {**_headers(row), "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
            try:
                await self.connection.publish(row["subject"], row["body"], headers=headers)
            except nats.errors.MaxPayloadError as wrong:
                raise NotTaken("a message is larger than the broker takes") from wrong
        end = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(len(rows)), "Nats-Batch-Commit": "1"}
        last = await self._ask(rows[-1]["subject"], rows[-1]["body"], {**_headers(rows[-1]), **end})
        return list(range(last - len(rows) + 1, last + 1))

    async def _ask(self, subject: str, body: bytes, headers: dict[str, str]) -> int:
        try:
            answer = await self.connection.request(subject, body, timeout=ANSWER_WITHIN, headers=headers)
        except (nats.errors.Error, TimeoutError) as wrong:
            raise NotTaken(type(wrong).__name__) from None
        told = json.loads(answer.data)
        if "error" in told:
            raise NotTaken(str(told["error"].get("err_code")))
        return self.memory.taken(told)


def _headers(row: Any) -> dict[str, str]:
    """This will give a row's envelope: CloudEvents 1.0 in binary mode."""
    headers = {
        names.SPEC_VERSION: "1.0",
        names.EVENT_ID: str(row["event_id"]),
        names.EVENT_TYPE: row["type"],
        names.EVENT_SOURCE: row["channel"] if row["channel"].startswith("status.") else _speaker(row),
        names.EVENT_TIME: row["said_at"].isoformat(),
        names.EVENT_KEY: row["key"],
        names.KEY_VERSION: str(row["version"]),
        names.OPENS: str(row["opens"]),
        names.TRACE: row["trace"],
    }
    if row["preceded_at"]:
        headers[names.PRECEDED] = row["preceded_at"].isoformat()
    if row["stream"].startswith(names.status_stream("")):
        headers[MESSAGE_ID] = str(row["event_id"])
    return headers


def _speaker(row: Any) -> str:
    return str(row["type"]).split(".", 1)[0]
