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
HEARTBEAT = 5.0
Take = Callable[[list[Any]], Awaitable[None]]


def listen(broker: NatsBroker, *, stream: str, consumer: str, subject: str, take: Take, title: str) -> None:
    """This will hand every batch of a durable consumer to `take`, which acknowledges what it has committed."""
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
        self.add_task(_pull_for_ever, func_args=(self, stream, consumer))

    subscriber._create_subscription = MethodType(begin, subscriber)  # type: ignore[method-assign]


async def _raw(batch: NatsMessage) -> Any:
    return batch.raw_message


async def _pull_for_ever(subscriber: Any, stream: str, consumer: str) -> None:
    """This will keep one pull going, and begin again after whatever interrupts it."""
    pause = 0.1
    while subscriber.running:
        try:
            await _Pull(subscriber.connection, stream, consumer).run(subscriber)
            pause = 0.1
        except (nats.errors.Error, TimeoutError, ConnectionError) as interrupted:
            logger.warning(
                "reading %s was interrupted (%s); again in %.1f s", consumer, type(interrupted).__name__, pause
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)


class _Pull:
    """One subscription with credit: messages that arrived wait in `arrived` until the last batch is done."""

    def __init__(self, connection: Any, stream: str, consumer: str) -> None:
        self.connection = connection
        self.ask = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self.inbox = connection.new_inbox()
        self.arrived: deque[Any] = deque()
        self.something = asyncio.Event()
        self.credit = self.reconnects = 0
        self.asked_at = self.heard_at = time.monotonic()

    async def run(self, subscriber: Any) -> None:
        """This will read until the subscriber stops; errors end it, and what is unacknowledged comes again."""
        subscription = await self.connection.subscribe(self.inbox, cb=self._on_message)
        try:
            while subscriber.running:
                await self._keep_credit()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.something.wait(), HEARTBEAT / 2)
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
        self.heard_at = time.monotonic()
        # What a stream keeps comes with a reply to acknowledge it by; a header "Status" in it is its sender's own.
        if message.reply:
            self.credit -= 1
            self.arrived.append(message)
            self.something.set()
            return
        status = (message.headers or {}).get("Status")
        if status != "100":
            self.credit = 0
            if status == "408":
                self.something.set()

    async def _keep_credit(self) -> None:
        """This will ask for more when little is left, and anew when the server has forgotten what was asked."""
        clock, reconnects = time.monotonic(), self.connection.stats["reconnects"]
        silent = clock - self.heard_at > 2.5 * HEARTBEAT
        expired = clock - self.asked_at > EXPIRES
        forgotten = expired or silent or reconnects != self.reconnects
        if not (self.credit <= CREDIT // 4 or forgotten) or len(self.arrived) >= CREDIT:
            return
        left = 0 if forgotten else max(self.credit, 0)
        self.reconnects = reconnects
        wanted, self.credit = CREDIT - left, CREDIT
        self.asked_at = self.heard_at = clock
        request = {"batch": wanted, "expires": int(EXPIRES * 1e9), "idle_heartbeat": int(HEARTBEAT * 1e9)}
        await self.connection.publish(self.ask, json.dumps(request).encode(), reply=self.inbox)
