"""A process's connection to the broker: what the relay asks of nats-py, and how it goes unanswered."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import nats.errors

from tests.simulation.broker import HOP, Broker

PATIENCE = 0.5
"""Seconds after which a client gives up here, so that waiting does not fill the seeds."""
READ = "$JS.API.DIRECT.GET."
NO_SUCH_STREAM, BATCH_INCOMPLETE, KNOWN_IN_BATCH = 10059, 10199, 10201


class Answers:
    """What comes to an inbox."""

    def __init__(self) -> None:
        self.waiting: deque[dict[str, str]] = deque()

    async def next_msg(self, timeout: float = 0.5) -> Any:  # noqa: ASYNC109
        """The next answer, or a failure when none comes."""
        await asyncio.sleep(0)
        if not self.waiting:
            await asyncio.sleep(min(timeout, PATIENCE))
            raise nats.errors.TimeoutError
        return SimpleNamespace(headers=self.waiting.popleft())

    async def unsubscribe(self) -> None:
        """Want no more."""


class Connection:
    """A process's connection: what the relay asks of nats-py, and no more."""

    def __init__(self, broker: Broker, is_dead: Callable[[], bool]) -> None:
        self.broker, self.is_dead = broker, is_dead
        self._staged: dict[str, list[tuple[str, bytes, dict[str, str]]]] = {}
        self._inboxes: dict[str, Answers] = {}

    def new_inbox(self) -> str:
        """A name for answers."""
        return f"_INBOX.{len(self._inboxes)}"

    async def subscribe(self, inbox: str) -> Answers:
        """Wait for answers."""
        self._inboxes[inbox] = Answers()
        return self._inboxes[inbox]

    async def publish(self, subject: str, payload: bytes = b"", reply: str = "", headers: Any = None) -> None:
        """Send a message of an atomic batch, or ask for many answers."""
        if self.is_dead() or self.broker.weather.strikes("publish lost"):
            return
        if headers:
            self._staged.setdefault(headers["Nats-Batch-Id"], []).append((subject, payload, headers))
        elif subject.startswith(READ):
            wanted = json.loads(payload)
            stream = self.broker.streams[subject.removeprefix(READ)]
            self._inboxes[reply].waiting.extend(stream.read_on(wanted["seq"], wanted["batch"]))

    async def request(self, subject: str, payload: bytes = b"", timeout: float = 0.5, headers: Any = None) -> Any:  # noqa: ASYNC109
        """Send a message and wait for the answer."""
        await asyncio.sleep(HOP)
        weather = self.broker.weather
        if self.is_dead():
            raise nats.errors.ConnectionClosedError
        if weather.strikes("publish lost"):
            await asyncio.sleep(min(timeout, PATIENCE))
            raise nats.errors.TimeoutError
        answer = self._answer(subject, payload, headers or {})
        if weather.strikes("puback lost"):
            await asyncio.sleep(min(timeout, PATIENCE))
            raise nats.errors.TimeoutError
        await asyncio.sleep(HOP)
        return SimpleNamespace(data=json.dumps(answer).encode(), headers={})

    def _answer(self, subject: str, payload: bytes, headers: dict[str, str]) -> dict[str, Any]:
        if subject.startswith("$JS.API.STREAM.INFO."):
            stream = self.broker.streams.get(subject.rsplit(".", 1)[-1])
            details = b"deleted_details" in payload
            return (
                stream.info(details=details)
                if stream
                else {"error": {"err_code": NO_SUCH_STREAM, "description": "no stream"}}
            )
        if "Nats-Batch-Commit" in headers:
            return self._commit(subject, payload, headers)
        return self.broker.store(subject, payload, headers)

    def _commit(self, subject: str, payload: bytes, headers: dict[str, str]) -> dict[str, Any]:
        staged = [*self._staged.pop(headers["Nats-Batch-Id"], []), (subject, payload, headers)]
        complete = [each[2]["Nats-Batch-Sequence"] for each in staged] == [str(each + 1) for each in range(len(staged))]
        if not complete or self.broker.weather.strikes("batch refused"):
            return {"error": {"err_code": BATCH_INCOMPLETE, "description": "batch"}}
        if any(self.broker.knows(about, told) for about, _, told in staged):
            return {"error": {"err_code": KNOWN_IN_BATCH, "description": "batch"}}
        self.broker.weather.note("atomic batch")
        return {**[self.broker.store(*each) for each in staged][-1], "count": len(staged)}
