"""A seed's world: four processes, a broker, an outside, and people who act; time that passes when all is quiet."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from shared import clock, names
from tests.simulation.broker import Broker
from tests.simulation.outside import Outside, Pager, Provider
from tests.simulation.people import ORGANISATIONS, PROGRAMME
from tests.simulation.process import RESTARTS_AFTER, Process, Surroundings
from tests.simulation.store import Store
from tests.simulation.virtual import VirtualLoop
from tests.simulation.weather import Weather

UNSENT = "select 1 from outbox where sent_at is null limit 1"
OPEN = "select 1 from errands where state in ('intended', 'calling') limit 1"
ASIDE = "select 1 from letters where state in ('parked', 'retrying') limit 1"
RINGING = "select 1 from timers where rung_at is null and due <= ? limit 1"
GIVEN_UP = (
    "select 1 from letters where state = 'dead' limit 1",
    "select 1 from errands where state = 'stuck' limit 1",
    "select 1 from timers where rung_at is null and attempts > 10 limit 1",
)
NEXT = "select min(due) from timers where rung_at is null"


ASKS = 100
PATIENCE = 90.0
"""Seconds within which everything mended has to come to rest."""


class Restless(AssertionError):
    """Something is still under way long after everything was mended."""


class World:
    """Everything there is in one seed."""

    def __init__(self, loop: VirtualLoop, chance: Random, stores: Mapping[str, Store], weather: Weather) -> None:
        self.loop, self.chance, self.stores, self.weather = loop, chance, stores, weather
        self.trace: deque[str] = deque(maxlen=2000)
        weather.told = self.note
        self.broker = Broker(loop, weather, ORGANISATIONS)
        self.outside = Outside(weather)
        ways = {
            "sms": Provider(self.outside, "sms", dedups=chance.random() < 0.5),
            "email": Provider(self.outside, "email", dedups=False),
        }
        length = 2 if chance.random() < 0.25 else 1
        self.around = Surroundings(self.broker, weather, PROGRAMME, ways, Pager(self.outside), length)  # type: ignore[arg-type]
        self.processes: dict[str, Process] = {}
        self.outran = False

    def note(self, what: str) -> None:
        """Write down what happened, for whoever reads a failure."""
        self.trace.append(f"{self.loop.time():9.3f} {what}")

    def start(self) -> None:
        """Start every service."""
        for each in names.SERVICES:
            self._start(each)

    def _start(self, service: str) -> None:
        process = Process(service, self.stores[service], self.around)
        self.processes[service] = process
        process.start()

    def crash(self, service: str) -> None:
        """End a process at once."""
        self.processes[service].dies()

    async def watch_over(self) -> None:
        """Start again whatever died, as a supervisor does."""
        while True:
            await asyncio.sleep(RESTARTS_AFTER)
            for service, process in self.processes.items():
                if process.dead:
                    self.note(f"{service} starts again")
                    self._start(service)

    def gave_up(self, service: str) -> bool:
        """Whether something waits for a start, or for somebody who mends it."""
        return any(self.stores[service].look(each) for each in GIVEN_UP)

    def restart(self, service: str) -> None:
        """End a process and start it again."""
        self.processes[service].ends()
        self._start(service)

    async def ask(self, service: str, handler: Any, value: Callable[[], Any], *, together: str = "") -> Any:
        """Do what a request at a service's edge does, until it is answered; its refusal is returned.

        Each try has a `value` of its own; those `together` by that name gather, as the service's app.py lets them.
        """
        wrong: BaseException | None = None
        for _ in range(ASKS):
            process = self.processes[service]
            if not process.dead:
                task = process.asked(handler, value(), together)
                await asyncio.wait([task])
                if not task.cancelled():
                    wrong = task.exception()
                    if wrong is None:
                        return task.result()
                    if type(wrong).__module__.startswith(("services.", "shared.")):
                        return wrong
            await asyncio.sleep(0.2)
        raise Restless(f"{service} never answers {getattr(handler, 'func', handler).__name__}: {wrong!r}")

    def is_quiet(self) -> bool:
        """Whether nothing is under way, in any process, store or stream."""
        if any(each.dead or not each.mailbox.at_rest for each in self.processes.values()):
            return False
        if not self.broker.is_done or any(each.in_use for each in self.stores.values()):
            return False
        return not any(self._waits(each) for each in self.stores.values())

    def _waits(self, store: Store) -> bool:
        now = clock.now().isoformat(timespec="microseconds")
        return bool(store.look(UNSENT) or store.look(OPEN) or store.look(ASIDE) or store.look(RINGING, now))

    async def settle(self, patience: float) -> bool:
        """Let everything come to rest, and say whether it did."""
        deadline, pause = self.loop.time() + patience, 0.01
        while self.loop.time() < deadline:
            await asyncio.sleep(pause)
            if self.is_quiet():
                return True
            pause = min(pause * 1.5, 0.25)
        return False

    async def come_to_rest(self) -> None:
        """Let everything come to rest; Restless says what does not."""
        if not await self.settle(PATIENCE):
            busy = [each for each, process in self.processes.items() if not process.mailbox.at_rest]
            unheard = [f"{each.stream.name} {each.name}" for each in self.broker.consumers.values() if not each.is_done]
            waiting = [each.service for each in self.stores.values() if self._waits(each)]
            raise Restless(f"at_rest: busy {busy}, unheard {unheard}, waiting {waiting}")

    def next_due(self) -> datetime | None:
        """When the next timer rings anywhere."""
        found = [store.look(NEXT)[0][0] for store in self.stores.values() if not store.in_use]
        return min((datetime.fromisoformat(each) for each in found if each), default=None)

    def step_to(self, moment: datetime) -> None:
        """Let domain time reach a moment, and tell everybody."""
        self.outran = self.outran or not self.is_quiet()
        if clock.step_to(moment):
            self.note(f"it is {moment.isoformat(timespec='minutes')}")
            for each in self.processes.values():
                each.mailbox.timers.wake()

    def later_than(self, moment: datetime) -> datetime:
        """The moment, or somewhat after it where the clock runs late."""
        if self.weather.strikes("clock jumped"):
            return moment + timedelta(minutes=self.chance.randint(1, 300))
        return moment
