"""Reads a JetStream consumer as a continuous pull: whatever has arrived is handed over at once, as one list.

FastStream's own batch subscriber waits out its time-out; this takes its place (two private methods of the pinned
version), and keeps FastStream's connection, lifecycle and AsyncAPI.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

import nats.errors
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsMessage

from shared.mailbox.loop import rest

logger = logging.getLogger(__name__)
CREDIT = 500
EXPIRES = 30.0
HEARTBEAT, WHILE_DEAF = 5.0, 1.0
NO_RESPONDERS, TIME_IS_OVER, HEARTBEAT_STATUS = "503", "408", "100"
Take = Callable[[list[Any]], Awaitable[None]]


def listen(
    broker: NatsBroker, *, stream: str, consumer: str, subject: str, take: Take, title: str, deaf: set[str]
) -> Any:
    """This will hand every batch of a durable consumer to `take`, which acknowledges what it has committed.

    What is given back is FastStream's subscriber, which starts with its broker, or by itself when that has started.
    While the broker answers nothing for the consumer its title stands in `deaf`.
    """
    subscriber = broker.subscriber(
        subject,
        stream=JStream(stream, declare=False),
        durable=consumer,
        pull_sub=PullSub(batch_size=CREDIT, timeout=EXPIRES, batch=True),
        ack_policy=AckPolicy.MANUAL,
        decoder=_raw,
        title=title,
        description=f"Everything on {stream} that concerns this service.",
    )

    async def messages(batch: list[Any]) -> None:
        await take(batch)

    subscriber(messages)

    async def begin(self: Any) -> None:
        self.add_task(_pull_for_ever, func_args=(self, stream, consumer, Ear(title, deaf)))

    subscriber._create_subscription = MethodType(begin, subscriber)  # type: ignore[method-assign]
    return subscriber


async def _raw(batch: NatsMessage) -> Any:
    return batch.raw_message


@dataclass
class Ear:
    """Whether anything is heard of a consumer: it stands in `deaf` while nothing is."""

    title: str
    deaf: set[str]
    heard_at: float = field(default_factory=time.monotonic)

    @property
    def heartbeat(self) -> float:
        """The seconds after which the broker is to say at least that nothing is there."""
        return WHILE_DEAF if self.title in self.deaf else HEARTBEAT

    def heard(self) -> None:
        """This will note a message or a heartbeat."""
        self.heard_at = time.monotonic()
        if self.title in self.deaf:
            self.deaf.discard(self.title)
            logger.warning("%s is there again", self.title)

    def nothing(self) -> None:
        """This will say, once, that nothing is heard."""
        if self.title not in self.deaf:
            self.deaf.add(self.title)
            logger.error("%s answers nothing: is it there? `alongside topology` makes it again", self.title)


async def _pull_for_ever(subscriber: Any, stream: str, consumer: str, ear: Ear) -> None:
    """This will keep one pull going, and begin again after whatever interrupts it."""
    pause = 0.1
    while subscriber.running:
        try:
            await _Pull(subscriber.connection, stream, consumer, ear).run(subscriber)
            pause = 0.1
        except (nats.errors.Error, TimeoutError, ConnectionError) as interrupted:
            logger.warning(
                "reading %s was interrupted (%s); again in %.1f s", consumer, type(interrupted).__name__, pause
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)


class _Pull:
    """One subscription with credit: messages that arrived wait in `arrived` until the last batch is done."""

    def __init__(self, connection: Any, stream: str, consumer: str, ear: Ear) -> None:
        self.connection, self.ear = connection, ear
        self.ask = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self.inbox = connection.new_inbox()
        self.arrived: deque[Any] = deque()
        self.something = asyncio.Event()
        self.credit = self.reconnects = 0
        self.asked_at = time.monotonic()

    async def run(self, subscriber: Any) -> None:
        """This will read until the subscriber stops; errors end it, and what is unacknowledged comes again."""
        subscription = await self.connection.subscribe(self.inbox, cb=self._on_message)
        try:
            while subscriber.running:
                await self._keep_credit()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.something.wait(), self.ear.heartbeat / 2)
                batch = self._gathered()
                if batch:
                    begun = time.monotonic()
                    await subscriber.consume(batch)
                    if len(self.arrived) < CREDIT // 2:
                        await rest(len(batch), worked=time.monotonic() - begun)
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    def _gathered(self) -> list[Any]:
        self.something.clear()
        batch = [self.arrived.popleft() for _ in range(min(len(self.arrived), CREDIT))]
        if self.arrived:
            self.something.set()
        return batch

    async def _on_message(self, message: Any) -> None:
        # What a stream keeps comes with a reply to acknowledge it by; a header "Status" in it is its sender's own.
        if message.reply:
            self.ear.heard()
            self.credit -= 1
            self.arrived.append(message)
            self.something.set()
            return
        status = (message.headers or {}).get("Status")
        if status == HEARTBEAT_STATUS:
            self.ear.heard()
            return
        self.credit = 0
        if status == NO_RESPONDERS:
            self.ear.nothing()
        if status == TIME_IS_OVER:
            self.something.set()

    async def _keep_credit(self) -> None:
        """This will ask for more when little is left, and anew when the server has forgotten what was asked."""
        clock, reconnects = time.monotonic(), self.connection.stats["reconnects"]
        silent = clock - max(self.ear.heard_at, self.asked_at) > 2.5 * self.ear.heartbeat
        if silent:
            self.ear.nothing()
        expired = clock - self.asked_at > EXPIRES
        forgotten = expired or silent or reconnects != self.reconnects
        if not (self.credit <= CREDIT // 4 or forgotten) or len(self.arrived) >= CREDIT:
            return
        left = 0 if forgotten else max(self.credit, 0)
        self.reconnects = reconnects
        wanted, self.credit = CREDIT - left, CREDIT
        self.asked_at = clock
        request = {"batch": wanted, "expires": int(EXPIRES * 1e9), "idle_heartbeat": int(self.ear.heartbeat * 1e9)}
        await self.connection.publish(self.ask, json.dumps(request).encode(), reply=self.inbox)
