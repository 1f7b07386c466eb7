"""The mailbox: makes a handler's reading, changes and sayings one transaction, once."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.away import is_away, past_clashes, until_it_answers
from shared.clock import now
from shared.database import Database
from shared.events.fact import Fact
from shared.mailbox import gate
from shared.mailbox.aside import Aside
from shared.mailbox.claim import Claim
from shared.mailbox.errands import Errands
from shared.mailbox.letter import Letter, from_message, new_trace, read
from shared.mailbox.loop import Loop, told
from shared.mailbox.meters import Meters
from shared.mailbox.outbox import say
from shared.mailbox.relay import Relay
from shared.mailbox.said import Answer, Ask, Errand, Ingested, Later, Reply, Said, Together, flat
from shared.mailbox.sweep import Sweep
from shared.mailbox.switchboard import Call, Handler, Hearing, Outside, Question, Switchboard, Then
from shared.mailbox.timers import Timers
from shared.mailbox.together import Gathering
from shared.mailbox.untidy import message_id

logger = logging.getLogger(__name__)
SOON = timedelta(seconds=5)
"""Timers look at least as often by themselves."""


class Mailbox:
    """One service's mailbox; `on`, `on_many`, `on_ingest`, `on_query` and `errand` are its table."""

    def __init__(self, speaker: str, database: Database, meters: Meters, *, share: str = "0/1") -> None:
        self.speaker, self.database, self.meters, self.share = speaker, database, meters, share
        self.board = Switchboard(speaker)
        self.relay = Relay(speaker, database, meters, share)
        self.timers = Timers(self, share)
        self.errands = Errands(self, share)
        self.aside = Aside(self, share)
        keepers = Sweep(database, share), Claim(database, share)
        self.loops: tuple[Loop, ...] = (self.relay, self.timers, self.errands, self.aside, *keepers)
        self._kept: list[asyncio.Task[Any]] = []
        self._stopping = False
        self.deaf: set[str] = set()
        self.busy = 0
        self.transactions = 0

    def on(self, kind: Any, handler: Handler) -> None:
        """This will give facts to `handler(fact, db)`, one after another."""
        self.board.on(kind, handler)

    def on_many(self, kinds: Any, handler: Handler) -> None:
        """This will give whatever gathered to `handler(facts, db)` as one list."""
        self.board.on(kinds, handler, many=True)

    def on_timer(self, kind: Any, handler: Handler, *, many: bool = False) -> None:
        """This will give timers that rang to `handler`; they never travel, so nothing is read from the bus for them."""
        self.board.on(kind, handler, many=many)
        self.board.timers.add(kind.type_name())

    def on_ingest(
        self, kind: str, handler: Handler, *, many: bool = False, schema: type[BaseModel] | None = None
    ) -> None:
        """This will give what organisations post on `ingest.<org>.<kind>.v1` to `handler(ingested, db)`.

        With `many`, whatever gathered goes to `handler([ingested, ...], db)` as one list. `schema` is our own JSON for
        it, which the service publishes.
        """
        self.board.ingests[kind] = Hearing(handler, many)
        if schema:
            self.board.schemas[kind] = schema

    def on_query(self, question: str, handler: Question) -> None:
        """This will answer `query.<payer>.<question>.v1` with what `handler(ingested, db)` returns."""
        self.board.questions[question] = handler

    def errand(
        self,
        kind: Any,
        call: Call,
        *,
        then: Then,
        timeout: float = 10.0,
        repeatable: bool = True,
        many: bool = False,
    ) -> None:
        """This will run errands of `kind`: `call(fact, trip)` outside, then `then(fact, result, db)` inside.

        With `many`, whatever came home together goes to `then([(fact, result), ...], db)` as one list.
        """
        self.errands.learn(kind, Outside(call, then, timeout, repeatable, many))

    async def run(self, handler: Any, value: Any) -> Any:
        """This will run an edge's `handler(value, db)` in one transaction, and give its answer after the commit."""
        self.busy += 1
        try:
            return await past_clashes(partial(self._run, handler, value))
        finally:
            self.busy -= 1

    async def _run(self, handler: Any, value: Any) -> Any:
        async with self.database.transaction() as db:
            answer: Answer = await handler(value, db)
            said = flat(answer)
            await say(db, self.speaker, said)
        self.after_commit(said)
        return answer.answer if isinstance(answer, Reply) else None

    def together(self, handler: Together) -> Ask:
        """This will let an edge's requests share a transaction: `handler(values, db)` gives a Reply for each value."""
        return Gathering(self, handler)

    def after_commit(self, said: Sequence[Said]) -> None:
        """This will wake whoever carries what was just said."""
        self.transactions += 1
        for each in said:
            if isinstance(each, Fact):
                self.meters.said.labels(each.type_name()).inc()
        if any(isinstance(each, Later) and each.due <= now() + SOON for each in said):
            self.timers.wake()
        if any(isinstance(each, Errand) for each in said):
            self.errands.wake()
        if said:
            self.relay.wake()

    async def take(self, messages: list[Any], *, consumer: str) -> None:
        """This will apply a batch from JetStream and acknowledge it; a batch that fails is taken one by one."""
        incoming = [letter for each in messages if (letter := from_message(each))]
        if len(incoming) < len(messages):
            self.meters.letters.labels(consumer, "no_letter").inc(len(messages) - len(incoming))
        self.busy += 1
        try:
            taking = partial(self._take_all_or_each, incoming, consumer)
            await until_it_answers(taking, ends=lambda: self._stopping, noted=self.meters.away.inc)
        finally:
            self.busy -= 1
        for each in messages:
            await each.ack()

    async def _take_all_or_each(self, incoming: list[Letter], consumer: str) -> None:
        self.meters.batch.labels(consumer).observe(len(incoming))
        try:
            with self.meters.handling.labels(consumer).time():
                await self.apply(incoming, consumer)
        except Exception as wrong:
            if is_away(wrong):
                raise
            logger.warning("a batch of %d from %s failed (%s)", len(incoming), consumer, told(wrong))
            for each in incoming:
                await self.apply_or_put_aside(each, consumer)

    async def apply_or_put_aside(self, letter: Letter, consumer: str) -> None:
        """This will apply one letter, or put it aside so that everybody else goes on."""
        try:
            await self.apply([letter], consumer)
        except Exception as wrong:
            if is_away(wrong):
                raise
            await self.aside.put(letter, wrong)
            self.meters.letters.labels(consumer, "put_aside").inc()

    async def apply(self, incoming: Sequence[Letter], consumer: str, *, from_aside: bool = False) -> gate.Sorted:
        """This will apply what is news among some letters, in one transaction with the marks that it was heard.

        Of those `from_aside` it leaves out what was treated since it was read: mended, passed over, or applied.
        """
        async with self.database.transaction() as db:
            if from_aside:
                incoming = await gate.still_aside(db, incoming)
            found, said = await self.apply_in(db, incoming)
            if from_aside:
                await gate.forget_aside(db, [*found.news, *found.known])
        self.after_commit(said)
        for outcome, some in (("applied", found.news), ("known", found.known), ("parked", found.early)):
            if some:
                self.meters.letters.labels(consumer, outcome).inc(len(some))
        self.aside.noticed(found)
        return found

    async def apply_in(self, db: AsyncConnection, incoming: Sequence[Letter]) -> tuple[gate.Sorted, list[Said]]:
        """This will apply what is news among some letters in a transaction that its caller ends."""
        found = await gate.sort(db, incoming)
        said = await self._hear(found.news, db)
        await gate.mark(db, found)
        return found, said

    async def _hear(self, news: Sequence[Letter], db: AsyncConnection) -> list[Said]:
        traces = {each.key: each.trace for each in news}
        heard = [(each.key, fact) for each in news if (fact := self.opened(each)) is not None]
        said = await self.board.hear(heard, db)
        fallback = next(iter(traces.values()), None) or new_trace()
        await say(db, self.speaker, said, lambda key: traces.get(key, fallback))
        return said

    def opened(self, letter: Letter) -> Any:
        """This will read a letter's body when anybody here cares for it."""
        if letter.source.startswith("ingest."):
            _, organisation, posted = letter.source.split(".")
            media = letter.headers.get("Content-Type", letter.headers.get("content-type", ""))
            own = str(letter.event_id)
            reference = message_id(letter.headers.get("Nats-Msg-Id", "")) or own
            return Ingested(organisation, posted, letter.body, media, own, reference)
        kind = self.board.facts.get(letter.type)
        return read(kind, letter.body) if kind else None

    def start(self, connection: Any) -> None:
        """This will begin to carry, ring and call."""
        self.relay.connection = connection
        for each in self.loops:
            each.start()

    @property
    def at_rest(self) -> bool:
        """Whether nothing is being done at this moment; what waits in the store is another question."""
        return not self.busy and not any(each.active for each in self.loops)

    def keep(self, task: "asyncio.Task[Any]") -> None:
        """This will hold a background task until the mailbox stops."""
        self._kept.append(task)

    async def stop(self) -> None:
        """This will finish what is under way."""
        self._stopping = True
        for task in self._kept:
            task.cancel()
        for each in self.loops:
            await each.stop()
