"""One service's process: its real switchboard on a real mailbox, that may die at any moment and begin again."""

import asyncio
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from sqlite3 import OperationalError
from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry

from services.matching import app as matching
from services.matching.settings import Settings as Matching
from services.notifications import app as notifications
from services.notifications.rules.providers import Provider as Way
from services.notifications.settings import Settings as Notifications
from services.referrals import app as referrals
from services.scheduling import app as scheduling
from services.scheduling.settings import Settings as Scheduling
from shared.events.notifications import Channel
from shared.mailbox.box import Mailbox
from shared.mailbox.listening import listen_to_everything
from shared.mailbox.meters import Meters
from shared.programme import Programme
from tests.simulation.broker import Broker, Subscription
from tests.simulation.connection import Connection
from tests.simulation.outside import Pager
from tests.simulation.slips import watched
from tests.simulation.store import Store
from tests.simulation.virtual import OWNER
from tests.simulation.weather import Weather

TOLD = Notifications()
PLANS = Scheduling().read_plans()
POLICY = Matching().decided()
SERIES = {length: Scheduling(series_length=length) for length in (1, 2)}
RESTARTS_AFTER = 0.3
POLLS_EVERY, LOOKS_EVERY, READS_EVERY = 4.0, 2.0, 3.0
"""Seconds between two looks at what nobody woke a loop for, at a stream, and between two rounds of reading one back."""


@dataclass
class Surroundings:
    """What all processes of a seed share."""

    broker: Broker
    weather: Weather
    programme: Programme
    ways: Mapping[Channel, Way]
    pager: Pager
    series_length: int


@cache
def meters(service: str) -> Meters:
    """A service's meters: nobody reads them here, so all seeds share them."""
    return Meters(CollectorRegistry())


def switch(service: str, mailbox: Mailbox, around: Surroundings) -> None:
    """Set a mailbox up as the service's app.py does."""
    if service == "referrals":
        referrals.switch(mailbox, around.programme)
    elif service == "matching":
        matching.switch(mailbox, around.programme, POLICY)
    elif service == "scheduling":
        scheduling.switch(mailbox, around.programme, PLANS, SERIES[around.series_length])
    else:
        notifications.switch(mailbox, around.programme, TOLD.limits())
        notifications.call_out(mailbox, around.programme, TOLD, ways=around.ways, pager=around.pager)  # type: ignore[arg-type]


class Ears:
    """Stands where FastStream's broker stands while a mailbox says what it wants to hear."""

    def __init__(self, process: "Process") -> None:
        self.process = process
        self.wanted: list[tuple[str, str, Any]] = []

    def subscriber(self, subject: str, *, stream: Any = None, durable: str = "", **_: Any) -> Any:
        """Remember who wants to hear what; questions are not asked here."""

        def with_handler(take: Any) -> None:
            if stream is not None:
                self.wanted.append((stream.name, durable, take))

        return _Subscriber(with_handler)


class _Subscriber(SimpleNamespace):
    def __init__(self, with_handler: Callable[[Any], None]) -> None:
        super().__init__(_create_subscription=None)
        self._with_handler = with_handler

    def __call__(self, take: Any) -> Any:
        self._with_handler(take)
        return take


def _told_to_the_store(hear: Callable[..., Any]) -> Callable[..., Any]:
    """What gives letters to their handlers, as it is; which had their effect is known to the store when it commits."""

    async def told(news: Any, db: Any) -> Any:
        db.heard += [each.event_id for each in news]
        return await hear(news, db)

    return told


class Process:
    """A service while it lives; what it did not commit dies with it."""

    def __init__(self, service: str, store: Store, around: Surroundings) -> None:
        self.service, self.store, self.around = service, store, around
        self.dead = False
        self.away_until = self.fails_until = 0.0
        self.tasks: list[asyncio.Task[Any]] = []
        self._gathered: dict[str, Any] = {}
        self.mailbox = Mailbox(service, store.open(), meters(service))
        memory = self.mailbox.relay.memory
        memory.looks_every, memory.reads_every = LOOKS_EVERY, READS_EVERY
        for each in self.mailbox.loops:
            each.every = max(each.every, POLLS_EVERY)
            each.once = watched(each.once)  # type: ignore[method-assign]
        self.mailbox._hear = _told_to_the_store(self.mailbox._hear)  # type: ignore[method-assign]
        switch(service, self.mailbox, around)
        self._context = copy_context()
        self._context.run(OWNER.set, self)

    def owns(self, task: "asyncio.Task[Any]") -> None:
        """This will remember a task, to end it with the process."""
        if len(self.tasks) > 64:
            self.tasks = [each for each in self.tasks if not each.done()]
        self.tasks.append(task)

    def start(self) -> None:
        """Begin to hear and say."""
        self.store.watch = self._watch
        self._context.run(self._start)

    def _start(self) -> None:
        ears = Ears(self)
        listen_to_everything(ears, self.mailbox, self.around.programme)  # type: ignore[arg-type]
        self.mailbox.start(Connection(self.around.broker, self.is_dead))
        for stream, durable, take in ears.wanted:
            consumer = self.around.broker.consumer(stream, durable)
            consumer.listener = Subscription(consumer, take, self.is_dead)
            asyncio.get_running_loop().create_task(consumer.listener.for_ever())
            consumer.push()

    def asked(self, handler: Any, value: Any, together: str) -> "asyncio.Task[Any]":
        """Let a request come in at the edge; those together by a name share transactions."""
        if together:
            gathering = self._gathered.setdefault(together, self.mailbox.together(handler))
            return self._context.run(asyncio.get_running_loop().create_task, gathering(value))
        return self._context.run(asyncio.get_running_loop().create_task, self.mailbox.run(handler, value))

    def is_dead(self) -> bool:
        """Whether it has died."""
        return self.dead

    def dies(self) -> None:
        """End it at once: no more statement, message or answer of it counts."""
        if self.dead:
            return
        self.around.weather.note("crash")
        if self.store.in_use:
            self.around.weather.note("crash during a transaction")
        self.ends()

    def ends(self) -> None:
        """End it, as when a machine is switched off."""
        self.dead = True
        for each in self.tasks:
            each.cancel()

    async def _watch(self, what: str) -> None:
        """Let statements be slow, fail, or be the last thing the process does."""
        if self.dead:
            raise OperationalError("the process is dead")
        weather, loop = self.around.weather, asyncio.get_running_loop()
        if not weather.rates and loop.time() >= max(self.away_until, self.fails_until):
            return
        if what == "begin" and loop.time() < self.away_until:
            weather.note("database was away")
            raise OperationalError("unable to open database file")
        if weather.strikes("slow statement"):
            await asyncio.sleep(weather.chance.random() * 0.02)
        if what != "committed" and weather.strikes("crash in a transaction"):
            self.dies()
            await asyncio.sleep(0)
        if what != "committed" and weather.strikes("database refused"):
            raise OperationalError("database is locked")
        if what == "statement" and loop.time() < self.fails_until:
            weather.note("handler failed")
            raise OperationalError("no such column: storm")
        if what == "committed" and weather.strikes("commit unknown"):
            raise OperationalError("disk I/O error")
