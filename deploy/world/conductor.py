"""Steps domain time: when all is quiet, on to the next moment at which something is due."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import nats
import nats.errors

from shared import names

HOUR = timedelta(hours=1)


class NotQuiet(Exception):
    """Something did not come to rest in time; the message says what."""


class Conductor:
    """Announces the time to all services, and knows when they have nothing left to do at it."""

    def __init__(self, client: Any, services: Mapping[str, str], http: httpx.AsyncClient) -> None:
        self.client, self.services, self.http = client, services, http
        self.now = datetime.min
        self.due: datetime | None = None
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

    async def settle(self, within: float = 90.0) -> None:
        """This will wait until nothing is under way anywhere: looked at twice, with nothing done in between."""
        loop = asyncio.get_running_loop()
        deadline, before, told = loop.time() + within, None, ""
        while True:
            told, mark = await self._under_way()
            if not told and mark == before:
                return
            before = mark if not told else None
            if loop.time() > deadline:
                raise NotQuiet(f"not quiet after {within:.0f} s: {told}")
            if told:
                await asyncio.sleep(0.01)

    async def _under_way(self) -> tuple[str, Any]:
        looks = await asyncio.gather(*(self._look(name) for name in self.services))
        busy = [told for told, _, _ in looks if told]
        if busy:
            return busy[0], None
        waiting = await self._unheard()
        self.due = min((due for _, due, _ in looks if due), default=None)
        return waiting, [mark for _, _, mark in looks]

    async def _look(self, name: str) -> tuple[str, datetime | None, Any]:
        try:
            answer = await self.http.get(f"{self.services[name]}/quiet")
            answer.raise_for_status()
        except httpx.HTTPError as wrong:
            return f"{name} does not answer ({type(wrong).__name__})", None, None
        told = answer.json()
        if not told["ready"] or datetime.fromisoformat(told["now"]) < self.now:
            return f"{name} is not there yet", None, None
        for each in ("busy", "unsent", "aside", "errands"):
            if told[each]:
                return f"{name} has {told[each]} {each}", None, None
        due = datetime.fromisoformat(told["next_due"]) if told["next_due"] else None
        if due and due <= self.now:
            return f"{name} has timers to ring", None, None
        return "", due, told["transactions"]

    async def _unheard(self) -> str:
        """This will name a consumer that has not heard everything yet."""
        answers = await asyncio.gather(*(self._consumers(each) for each in self._streams()))
        for each in (consumer for answer in answers for consumer in answer):
            if each["num_pending"] or each["num_ack_pending"]:
                return f"{each['name']} has letters to read"
        return ""

    def _streams(self) -> list[str]:
        return [*(names.stream(each) for each in self.services), names.SEALED_STREAM, *self.ingests]

    ingests: tuple[str, ...] = ()

    async def _consumers(self, stream: str) -> list[Any]:
        try:
            answer = await self.client.request(f"$JS.API.CONSUMER.LIST.{stream}", b"{}", timeout=2)
        except (nats.errors.Error, TimeoutError):
            return [{"name": stream, "num_pending": 1, "num_ack_pending": 0}]
        return list(json.loads(answer.data).get("consumers") or [])


async def connect(url: str, seed: Path) -> Any:
    """This will connect as the administrator, for as long as the demo lasts."""
    return await nats.connect(
        url,
        nkeys_seed=str(seed),
        inbox_prefix="_INBOX_admin",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,
        error_cb=_say_nothing,
    )


async def _say_nothing(_: Exception) -> None:
    """A broker that is killed and comes back is what the demo shows."""


def next_hour(moment: datetime) -> datetime:
    """This will give the full hour at or after a moment."""
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + HOUR
