"""The public edges as the world uses them: HTTP with an API key, the bus with an account, MLLP with a port."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import nats
import nats.errors

from deploy.ports import LOOPBACK
from shared import names

TRIES = 240
PAUSE = 0.25


@dataclass(frozen=True)
class Answer:
    """What a service answered, read to its end."""

    status: int
    body: bytes

    def json(self) -> Any:
        """This will read the body as JSON."""
        return json.loads(self.body)


class Edges:
    """Asks again when a service or the broker is away, as a partner's own system would."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        services: Mapping[str, str],
        keys: Mapping[str, str],
        mllp: Mapping[str, int] | None = None,
    ) -> None:
        self.http, self.services, self.keys, self.mllp = http, services, keys, mllp or {}
        self.bus: dict[str, Any] = {}
        self.asked_again = 0

    async def call(self, method: str, service: str, path: str, *, by: str = "programme", **how: Any) -> Answer:
        """This will make one request as an organisation, again and again while nobody answers."""
        url = self.services[service] + path
        headers = {"Authorization": f"Bearer {self.keys[by]}", **how.pop("headers", {})}
        for _ in range(TRIES):
            try:
                async with self.http.request(method, url, headers=headers, allow_redirects=False, **how) as told:
                    answer = Answer(told.status, await told.read())
                if answer.status not in (429, 503):
                    return answer
            except aiohttp.ClientError:
                pass
            self.asked_again += 1
            await asyncio.sleep(PAUSE)
        raise ConnectionError(f"{service} did not answer for {TRIES * PAUSE:.0f} s")

    async def get(self, service: str, path: str, *, by: str = "programme", **params: Any) -> Any:
        """This will read JSON; an error answer is an error of the demo."""
        answer = await self.call("GET", service, path, by=by, params=params)
        return _good(answer, f"GET {path}").json()

    async def send(
        self,
        service: str,
        path: str,
        body: Any,
        *,
        method: str = "POST",
        refused_too: Sequence[int] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """This will send JSON as the programme's own people; only refusals in `refused_too` are expected."""
        answer = await self.call(method, service, path, json=body, headers=headers or {})
        return answer if answer.status in refused_too else _good(answer, f"{method} {path}")

    async def post_on_bus(self, organisation: str, subject: str, body: bytes, message_id: str) -> None:
        """This will post on an organisation's own subject, and wait until the broker has it."""
        headers = {"Nats-Msg-Id": message_id}
        for _ in range(TRIES):
            try:
                taken = await self.bus[organisation].request(subject, body, timeout=2, headers=headers)
                if "error" not in json.loads(taken.data):
                    return
            except (nats.errors.Error, TimeoutError):
                pass
            self.asked_again += 1
            await asyncio.sleep(PAUSE)
        raise ConnectionError("the broker did not take a referral")

    async def send_pipes(self, organisation: str, message: bytes) -> str:
        """This will send HL7 v2 on a line of its own, and give the acknowledgement: AA or AE."""
        for _ in range(TRIES):
            try:
                told = await _answered(self.mllp[organisation], message)
                if told != "AR":
                    return told
            except (OSError, EOFError, TimeoutError):
                pass
            self.asked_again += 1
            await asyncio.sleep(PAUSE)
        raise ConnectionError("nobody answered on the line")

    async def ask_on_bus(self, payer: str, question: dict[str, Any]) -> dict[str, Any]:
        """This will ask a payer's question on the bus."""
        subject = names.query_subject(payer, "covered-sessions")
        for _ in range(TRIES):
            try:
                answer = await self.bus[payer].request(subject, json.dumps(question).encode(), timeout=3)
                told: dict[str, Any] = json.loads(answer.data)
                return told
            except (nats.errors.Error, TimeoutError):
                self.asked_again += 1
                await asyncio.sleep(PAUSE)
        raise ConnectionError("nobody answered the payer")

    async def open_bus(self, url: str, seeds: Mapping[str, Path]) -> None:
        """This will connect each organisation with its own account."""
        for name, seed in seeds.items():
            self.bus[name] = await nats.connect(
                url,
                nkeys_seed=str(seed),
                inbox_prefix=f"_INBOX_{name}",
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,
                error_cb=_say_nothing,
            )

    async def close(self) -> None:
        """This will leave the bus."""
        for each in self.bus.values():
            await each.close()


async def _answered(port: int, message: bytes) -> str:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(b"\x0b" + message + b"\x1c\r")
            answer = await reader.readuntil(b"\x1c\r")
        finally:
            writer.close()
    return answer.split(b"\rMSA|")[1][:2].decode()


def _good(answer: Answer, asked: str) -> Answer:
    if 200 <= answer.status < 300:
        return answer
    raise ValueError(f"{asked} was answered {answer.status}: {answer.body[:500].decode(errors='replace')}")


async def _say_nothing(_: Exception) -> None:
    """A broker that is killed and comes back is what the demo shows."""
