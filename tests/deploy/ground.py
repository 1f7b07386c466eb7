"""A real broker with a small programme on it, and users that say quickly what they may not do."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from deploy.nats import configuration, server
from deploy.nats.configuration import Configuration
from deploy.nats.permissions import inbox


@dataclass(frozen=True)
class Organisation:
    organisation_id: str
    kind: str
    suspended: bool = False
    nkey_ends: Mapping[str, datetime] = field(default_factory=dict)


HOSPITAL = Organisation("general-hospital", "hospital")
CLINIC = Organisation("river-clinic", "clinic")
AGENCY = Organisation("peer-agency", "agency")
PAYER = Organisation("garden-health", "payer")
ORGANISATIONS = (HOSPITAL, CLINIC, AGENCY, PAYER)


@dataclass(frozen=True)
class Ground:
    """A running broker and what it was told."""

    server: server.Server
    configuration: Configuration

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def admin_seed(self) -> Path:
        return self.configuration.seeds["admin"]


@contextmanager
def ground(folder: Path, organisations: Iterable[Organisation] = ORGANISATIONS) -> Iterator[Ground]:
    """This will run a broker for the length of the block; its streams are not declared yet."""
    written = configuration.write(folder, list(organisations))
    running = server.start(written)
    try:
        yield Ground(running, written)
    finally:
        running.kill()


@dataclass
class User:
    """A connected user, with the server's complaints about it."""

    name: str
    client: Client
    complaints: list[str]

    async def ask(self, subject: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Msg:
        """This will give the reply, within two seconds."""
        return await self.client.request(subject, body, timeout=2, headers=headers)

    async def tell(self, subject: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> dict[str, object]:
        """This will publish to a stream and give its acknowledgement."""
        return json.loads((await self.ask(subject, body, headers)).data)

    async def allowed_to_publish(self, subjects: Iterable[str]) -> set[str]:
        """This will publish to all of them and give those the server did not call a violation."""
        self.complaints.clear()
        tried = list(subjects)
        for each in tried:
            await self.client.publish(each, b"")
        return self._uncomplained(tried, "publish", await self.settled())

    async def allowed_to_hear(self, subjects: Iterable[str], *, queue: str = "") -> set[str]:
        """This will subscribe to all of them and give those the server did not call a violation."""
        self.complaints.clear()
        heard = [await self.client.subscribe(each, queue=queue) for each in subjects]
        complaints = await self.settled()
        allowed = self._uncomplained([each.subject for each in heard], "subscription", complaints)
        for each in heard:
            if each.subject in allowed:
                await each.unsubscribe()
        return allowed

    async def settled(self) -> list[str]:
        """This will return when the server has judged all that was sent: its complaints come before its PONG."""
        for _ in range(2):
            # The client's first PING may overtake what it is still writing; its second cannot.
            await self.client.flush(timeout=5)
        return self.complaints

    async def pull(self, stream: str, consumer: str, *, batch: int = 1, within: float = 2.0) -> list[Msg]:
        """This will fetch up to `batch` messages, or none when the server has nothing or does not answer."""
        replies = self.client.new_inbox()
        heard = await self.client.subscribe(replies)
        # Half a second: what was acknowledged to its speaker may reach a consumer a moment later.
        request = {"batch": batch, "expires": 500_000_000}
        ask = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        await self.client.publish(ask, json.dumps(request).encode(), reply=replies)
        messages = [each async for each in _until_told_to_stop(heard, batch, within)]
        await heard.unsubscribe()
        return messages

    def _uncomplained(self, subjects: list[str], verb: str, complaints: list[str]) -> set[str]:
        # The client passes complaints on in lower case; renamed questions are complained of under their new name.
        told = {each.split(f'{verb} to "')[1].split('"')[0] for each in complaints if f'{verb} to "' in each}
        return {each for each in subjects if not told & {each.lower(), each.lower().replace("$js.api.", "away.")}}


async def _until_told_to_stop(heard: Subscription, batch: int, within: float) -> AsyncIterator[Msg]:
    for _ in range(batch):
        try:
            message = await heard.next_msg(timeout=within)
        except nats.errors.TimeoutError:
            return
        if message.headers and "Status" in message.headers:
            return
        yield message


@asynccontextmanager
async def user(ground: Ground, name: str) -> AsyncIterator[User]:
    """This will connect as one of the configuration's users for the length of the block."""
    complaints: list[str] = []

    async def complain(error: Exception) -> None:
        complaints.append(str(error))

    client = await nats.connect(
        ground.url,
        nkeys_seed=str(ground.configuration.seeds[name]),
        inbox_prefix=inbox(name),
        error_cb=complain,
        allow_reconnect=False,
        connect_timeout=2,
    )
    try:
        yield User(name, client, complaints)
    finally:
        await client.close()


async def say_together(speaker: User, subject: str, bodies: list[bytes]) -> dict[str, object]:
    """This will publish the bodies as one atomic batch and give its acknowledgement."""
    batch = uuid4().hex
    *before, last = (
        (body, {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}) for number, body in enumerate(bodies, 1)
    )
    for body, headers in before:
        await speaker.client.publish(subject, body, headers=headers)
    return await speaker.tell(subject, last[0], {**last[1], "Nats-Batch-Commit": "1"})


async def counts(admin: User) -> dict[str, int]:
    """This will give the number of messages each stream holds."""
    listed = json.loads((await admin.ask("$JS.API.STREAM.LIST")).data)["streams"]
    return {each["config"]["name"]: each["state"]["messages"] for each in listed}
