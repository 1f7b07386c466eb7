"""A real NATS with the real accounts, and mailboxes on it, for tests of what travels."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import nats
from faststream.nats import NatsBroker
from faststream.nats.security import NatsNKey
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection

from deploy.nats import configuration, plan, server, topology
from deploy.nats.configuration import Configuration
from shared.database import Database
from shared.mailbox import tables
from shared.mailbox.box import Mailbox
from shared.mailbox.listening import listen_to_everything
from shared.mailbox.meters import Meters
from shared.mailbox.untidy import tolerate_headers
from shared.programme import Organisation, Programme, Site
from shared.stepping import connection_of
from tests.servers import Contained, engine_answers, nats_in_container

How = Literal["container", "process"]
SITE = Site(site_id="north", public_name="Northside", phone="555-0100", on_call="test:delivered")
ORGANISATIONS = [
    Organisation(organisation_id="general-hospital", name="General Hospital", kind="hospital", site_id="north"),
    Organisation(organisation_id="garden-health", name="Garden Health", kind="payer"),
    Organisation(organisation_id="programme", name="The programme", kind="agency", site_id="north"),
]
PROGRAMME = Programme(sites={"north": SITE}, organisations={each.organisation_id: each for each in ORGANISATIONS})


@dataclass
class Bus:
    """A running nats-server, declared, with a seed file for every user; only a process can be killed."""

    server: server.Server | Contained
    configuration: Configuration
    how: How = "process"
    shares: int = 1

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.server.url

    async def client(self, user: str) -> Any:
        """A plain connection as a user of the generated configuration."""
        return await nats.connect(
            self.url, nkeys_seed=str(self.configuration.seeds[user]), inbox_prefix=f"_INBOX_{user}"
        )

    async def declare(self) -> None:
        """Create the streams and consumers that are missing."""
        await topology.declare(self.url, self.configuration.seeds["admin"], ORGANISATIONS, shares=self.shares)

    async def ask(self, verb: str, body: bytes = b"") -> dict[str, Any]:
        """What JetStream's API answers an administrator: `ask("STREAM.INFO.MATCHING")`."""
        (told,) = await self.ask_all(verb, body=body)
        return told

    async def ask_all(self, *verbs: str, body: bytes = b"") -> list[dict[str, Any]]:
        """What it answers to each of several questions."""
        admin = await self.client("admin")
        told = await asyncio.gather(*(admin.request(f"$JS.API.{each}", body, timeout=10) for each in verbs))
        await admin.close()
        return [json.loads(each.data) for each in told]


@asynccontextmanager
async def running_bus(folder: Path, *, how: How | None = None, shares: int = 1) -> AsyncIterator[Bus]:
    """A bus for one test: in a container when an engine answers, else a process, as for whoever has to kill it."""
    async with _contained(shares) if (how or way()) == "container" else _as_process(folder, shares) as bus:
        await bus.declare()
        yield bus


def way() -> How:
    """How NATS is started where a test does not mind."""
    return "container" if engine_answers() else "process"


@asynccontextmanager
async def _as_process(folder: Path, shares: int) -> AsyncIterator[Bus]:
    written = configuration.write(folder, ORGANISATIONS, shares=shares)
    bus = Bus(server.start(written), written, shares=shares)
    try:
        yield bus
    finally:
        bus.server.kill()


@asynccontextmanager
async def _contained(shares: int) -> AsyncIterator[Bus]:
    """The container is started once, for that takes a second; each test finds it as if it were new."""
    contained, written = _the_container(shares)
    bus = Bus(contained, written, "container", shares)
    await _forget_everything(bus)
    yield bus


@cache
def _the_container(shares: int) -> tuple[Contained, Configuration]:
    return nats_in_container(ORGANISATIONS, shares=shares)


async def _forget_everything(bus: Bus) -> None:
    await bus.ask_all(*(f"STREAM.DELETE.{each.name}" for each in plan.streams(ORGANISATIONS)))


async def with_shared_tables(database: Database) -> Database:
    """The mailbox's tables in an otherwise empty database."""

    def create(connection: Connection) -> None:
        tables.create_first(SimpleNamespace(get_bind=lambda: connection))

    async with database.transaction() as db:
        await db.run_sync(create)
    return database


@asynccontextmanager
async def running_mailbox(
    bus: Bus, speaker: str, database: Database, register: Callable[[Mailbox], None], *, share: str = "0/1"
) -> AsyncIterator[Mailbox]:
    """A service's mailbox, hearing and saying for real."""
    mailbox = Mailbox(speaker, database, Meters(CollectorRegistry()), share=share)
    register(mailbox)
    async with carrying(mailbox, bus.url, bus.configuration.seeds[speaker]):
        yield mailbox


@asynccontextmanager
async def carrying(mailbox: Mailbox, url: str, seed: Path) -> AsyncIterator[None]:
    """A mailbox connected to a bus."""
    broker = NatsBroker(
        url,
        apply_types=False,
        security=NatsNKey.from_file(seed),
        inbox_prefix=f"_INBOX_{mailbox.speaker}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
    )
    listen_to_everything(broker, mailbox, PROGRAMME)
    await broker.connect()
    tolerate_headers(connection_of(broker))
    mailbox.start(connection_of(broker))
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()
        await mailbox.stop()


async def until(check: Callable[[], Awaitable[Any]], within: float = 30.0) -> Any:
    """The first true answer of `check`, or a failure after `within` seconds."""
    deadline = time.monotonic() + within
    while not (found := await check()):
        assert time.monotonic() < deadline, f"did not become true within {within} s"
        await asyncio.sleep(0.02)
    return found
