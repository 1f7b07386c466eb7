"""Steps domain time: when all is quiet, on to the next moment at which something is due."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import nats.errors

from shared import names

STOPS = (15, 22)
"""Hours (UTC) at which the demo's clock stops: ten and five o'clock in New York, nine and four in Chicago."""


class NotQuiet(Exception):
    """Something did not come to rest in time; the message says what."""


@dataclass(frozen=True)
class Look:
    """What one service said of itself: `told` what is under way, `due` the next timer, `done` its transactions."""

    told: str = ""
    due: datetime | None = None
    done: int = 0


class Conductor:
    """Announces the time to all services, and knows when they have nothing left to do at it."""

    def __init__(self, client: Any, services: Mapping[str, str], http: aiohttp.ClientSession) -> None:
        self.client, self.services, self.http = client, services, http
        self.now = datetime.min
        self.due: datetime | None = None
        self.looks: dict[str, Look] = {}
        self._settled: dict[str, int] = {}
        self.steps = 0

    async def announce(self, moment: datetime) -> None:
        """This will make `moment` the time, for processes that run and those that start later."""
        self.now = moment
        while True:
            try:
                taken = await self.client.request(names.CLOCK_SUBJECT, moment.isoformat().encode(), timeout=1)
                if "error" not in json.loads(taken.data):
                    break
            except (nats.errors.Error, TimeoutError):
                await asyncio.sleep(0.1)
        self.steps += 1

    async def settle(self, within: float = 90.0) -> set[str]:
        """This will wait until nothing is under way anywhere, and name the services that did something since last."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while told := await self._under_way():
            if loop.time() > deadline:
                raise NotQuiet(f"not quiet after {within:.0f} s: {told}")
        moved = {name for name, look in self.looks.items() if look.done != self._settled.get(name)}
        self._settled = {name: look.done for name, look in self.looks.items()}
        self.due = min((each.due for each in self.looks.values() if each.due), default=None)
        return moved

    async def _under_way(self) -> str:
        """This will name something under way: services, then the broker, then whether services did anything since."""
        before = await self._look_at_all()
        told = next((each.told for each in before.values() if each.told), "") or await self._unheard()
        if told:
            await asyncio.sleep(0.01)
            return told
        self.looks = await self._look_at_all()
        moved = any(before[name].done != look.done for name, look in self.looks.items())
        told = next((each.told for each in self.looks.values() if each.told), "")
        return told or ("something was done meanwhile" if moved else "")

    async def _look_at_all(self) -> dict[str, "Look"]:
        looks = await asyncio.gather(*(self._look(name) for name in self.services))
        return dict(zip(self.services, looks, strict=True))

    async def _look(self, name: str) -> "Look":
        try:
            url = f"{self.services[name]}/quiet?within=1"
            async with self.http.get(url, allow_redirects=False, raise_for_status=True) as answer:
                told = await answer.json()
        except aiohttp.ClientError as wrong:
            await asyncio.sleep(0.05)
            return Look(f"{name} does not answer ({type(wrong).__name__})")
        if not told["ready"] or datetime.fromisoformat(told["now"]) < self.now:
            return Look(f"{name} is not there yet")
        for each in ("busy", "unsent", "aside", "errands"):
            if told[each]:
                return Look(f"{name} has {told[each]} {each}")
        due = datetime.fromisoformat(told["next_due"]) if told["next_due"] else None
        if due and due <= self.now:
            return Look(f"{name} has timers to ring")
        return Look(due=due, done=told["transactions"])

    async def _unheard(self) -> str:
        """This will name a consumer that has not heard everything yet; one that nobody reads does not count."""
        answers = await asyncio.gather(*(self._consumers(each) for each in self._streams()))
        for each in (consumer for answer in answers for consumer in answer):
            if each["num_ack_pending"] or (each["num_pending"] and each["num_waiting"]):
                return f"{each['name']} has letters to read"
        return ""

    def _streams(self) -> list[str]:
        return [*(names.stream(each) for each in self.services), names.SEALED_STREAM, *self.ingests]

    ingests: tuple[str, ...] = ()

    async def _consumers(self, stream: str) -> list[Any]:
        try:
            answer = await self.client.request(f"$JS.API.CONSUMER.LIST.{stream}", b"{}", timeout=2)
        except (nats.errors.Error, TimeoutError):
            return [{"name": stream, "num_pending": 1, "num_ack_pending": 1}]
        return list(json.loads(answer.data).get("consumers") or [])


def next_stop(moment: datetime) -> datetime:
    """This will give the first of the demo's two stops a day at or after a moment."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    hours = [*STOPS, STOPS[0] + 24]
    return next(stop for hour in hours if (stop := day + timedelta(hours=hour)) >= moment)
