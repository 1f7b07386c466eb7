"""The frame of a service: start, drain, health, metrics, documents, and the log's format."""

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from faststream.nats import NatsBroker
from faststream.nats.security import NatsNKey
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import edge, migrations, names, pages, sealed, sites, stepping
from shared.away import reason
from shared.database import Database, DatabaseInUse
from shared.following import Following
from shared.mailbox.box import Mailbox
from shared.mailbox.listening import listen_to_everything, listen_to_posts
from shared.mailbox.meters import Meters
from shared.mailbox.untidy import tolerate_headers
from shared.programme import Programme
from shared.prompt import Prompt
from shared.settings import ServiceSettings
from shared.work import Task

logger = logging.getLogger(__name__)
Figures = Callable[[AsyncConnection], Awaitable[dict[str, int]]]
Misfit = Callable[[AsyncConnection], Awaitable[None]]
"""Raises ValueError where what is in the store does not fit the programme."""

StillWaits = Callable[[Task, AsyncConnection], Awaitable[str | None]]
"""Names the request that does a task, while what the task is about still waits for it."""


class Service:
    """One running service: its database, its mailbox, its broker and its HTTP application."""

    def __init__(self, name: str, settings: ServiceSettings, programme: Programme) -> None:
        self.name, self.settings, self.programme = name, settings, programme
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.database = Database.open(settings.store_url())
        self.mailbox = Mailbox(name, self.database, Meters(self.registry), share=settings.share)
        self.broker = _broker(name, settings)
        self.following = Following(settings.programme, programme, self.registry)
        self.started = False
        self.still_waits: StillWaits = _nothing_waits
        self.refuse_misfit: Misfit = _everything_fits
        self._figures: Figures | None = None
        self._beside: list[Callable[[], AbstractAsyncContextManager[None]]] = []
        self._open = AsyncExitStack()
        self._starting: asyncio.Task[None] | None = None
        self.http = FastAPIOffline(redoc_url=None, title=f"Alongside {name}", version="1", lifespan=self._lifespan)
        self.http.state.programme, self.http.state.service = programme, self
        self._heard: set[str] = set()
        edge.answer_problems(self.http)
        pages.serve(self)

    @classmethod
    def create(cls, name: str, settings: ServiceSettings) -> "Service":
        """This will prepare a service from its settings; nothing is opened yet but two small files."""
        sealed.use_keys(settings.seal_keys)
        return cls(name, settings, Programme.read(settings.programme))

    @property
    def ready(self) -> bool:
        """This will say whether the service hears."""
        return not self.waits_for()

    def waits_for(self) -> list[str]:
        """This will name what keeps the service from hearing: NATS, its own start, or consumers that do not answer."""
        if not stepping.is_connected(self.broker):
            return ["NATS"]
        return sorted(self.mailbox.deaf) if self.started else ["its start"]

    def figures(self, count: Figures) -> None:
        """This will answer GET /figures, and set the gauges of /metrics, with what `count(db)` gives."""
        self._figures = count

    def beside(self, open_edge: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        """This will keep another edge open from when the service hears until it drains."""
        self._beside.append(open_edge)

    async def counted(self) -> dict[str, int]:
        """This will count, from the store, what this service has done."""
        if not self._figures or not self.started:
            return {}
        async with self.database.reading() as db:
            return await self._figures(db)

    async def open_store(self) -> None:
        """This will claim the database, bring it to the newest schema, and see that the programme still fits it."""
        await self.database.claim(self.settings.share)
        await migrations.upgrade(self.database, self.name)
        await sites.refuse_lost(self.database, self.programme)
        async with self.database.reading() as db:
            await self.refuse_misfit(db)

    async def serve(self) -> None:
        """This will open the store and serve until told to stop; it raises what keeps it from starting."""
        await self.open_store()
        config = uvicorn.Config(
            self.http,
            http=Prompt,
            host=self.settings.host,
            port=self.settings.port or names.port(self.name),
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)
        await server.serve()
        if not server.started:
            sys.exit(3)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        listen_to_everything(self.broker, self.mailbox, self.programme)
        self._heard = set(self.programme.organisations)
        self._starting = asyncio.create_task(self._start())
        self._starting.add_done_callback(_say_why)
        try:
            yield
        finally:
            await self._drain()

    async def _start(self) -> None:
        await self.broker.connect()
        if self.settings.clock == "stepped":
            await stepping.follow(self.broker, self.mailbox)
        connection = stepping.connection_of(self.broker)
        tolerate_headers(connection)
        self.mailbox.start(connection)
        await self.broker.start()
        for open_edge in self._beside:
            await self._open.enter_async_context(open_edge())
        self.mailbox.keep(asyncio.create_task(self.following.for_ever(self._hear_newcomers)))
        self.started = True
        logger.info("%s is ready", self.name)

    async def _hear_newcomers(self) -> None:
        """This will begin to hear what organisations post that were not there at the start."""
        fresh = [each for name, each in self.programme.organisations.items() if name not in self._heard]
        for each in listen_to_posts(self.broker, self.mailbox, fresh):
            await each.start()
        self._heard |= {each.organisation_id for each in fresh}

    async def _drain(self) -> None:
        """This will finish what is under way, then close; what is not acknowledged comes again."""
        if self._starting and not self._starting.done():
            self._starting.cancel()
            with suppress(asyncio.CancelledError):
                await self._starting
        self.started = False
        await self._open.aclose()
        # The relay first: what it is asking a broker that is gone, it would wait for.
        await self.mailbox.stop()
        await self.broker.stop()
        await self.database.close()


async def _nothing_waits(_: Task, __: AsyncConnection) -> None:
    """This will let any task be marked as done."""


async def _everything_fits(_: AsyncConnection) -> None:
    """This will start with any programme."""


def _broker(name: str, settings: ServiceSettings) -> NatsBroker:
    return NatsBroker(
        settings.nats_url,
        apply_types=False,
        graceful_timeout=15,
        name=name,
        security=NatsNKey.from_file(settings.nats_seed) if settings.nats_seed else None,
        inbox_prefix=f"_INBOX_{name}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        connect_timeout=5,
        ping_interval=10,
        logger=logging.getLogger("bus"),
        log_level=logging.DEBUG,
    )


def _collect_seldom() -> None:
    """This will leave what was imported alone when garbage is collected, and collect less often.

    A batch makes many objects and drops them together: looking through them meanwhile took a fourth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def _say_why(starting: "asyncio.Task[None]") -> None:
    """This will end a process that cannot start, rather than leave it alive and deaf."""
    if not starting.cancelled() and (wrong := starting.exception()):
        logger.critical("cannot start: %s: %s", type(wrong).__name__, wrong)
        sys.exit(1)


def run(create: Callable[[Any], Service], settings_class: type[ServiceSettings]) -> None:
    """This will run a service until it is told to stop; what keeps it from starting is its one last line."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    try:
        settings = settings_class()
        logging.getLogger().setLevel(settings.log_level)
        service = create(settings)
    except (ValueError, OSError) as wrong:
        sys.exit(f"{settings_class.service}: {wrong}")
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(service.database.until_it_answers())
            migrations.upgrade_in_a_child(service.database, service.name, settings.share)
            _collect_seldom()
            uvloop.run(service.serve())
    except (DatabaseInUse, ValueError, OSError, SQLAlchemyError) as wrong:
        sys.exit(f"{settings.service}: {reason(wrong)}")
