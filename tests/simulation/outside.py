"""The outside world of a seed: providers of texts and mails, and a pager, each with a log of what it took."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from services.notifications.rules.providers import Answer
from services.notifications.rules.words import Message
from shared import clock
from shared.events.notifications import PageOnCall
from tests.simulation.virtual import OWNER
from tests.simulation.weather import Weather

HANGS = 60.0
"""Longer than anybody waits."""


@dataclass(frozen=True)
class Taken:
    """A message that a provider took, and will deliver; `at` is when the call began."""

    channel: str
    key: str
    to: str
    text: str
    at: datetime


class Outside:
    """What left the house."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.taken: list[Taken] = []
        self.pages: list[str] = []

    async def moment(self) -> None:
        """A moment at which whoever calls may die."""
        if self.weather.strikes("crash around a call") and (owner := OWNER.get()):
            owner.dies()  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)


class Provider:
    """Takes messages; `dedups` when it knows a key again."""

    def __init__(self, outside: Outside, channel: str, *, dedups: bool) -> None:
        self.outside, self.channel, self.dedups = outside, channel, dedups
        self._known: set[str] = set()

    async def send(self, message: Message, *, to: str, key: str) -> Answer:
        """Take a message, unless something goes wrong before or after."""
        weather, began = self.outside.weather, clock.now()
        await self.outside.moment()
        if weather.strikes("provider away"):
            return Answer("unreachable")
        if to.endswith("0001"):
            return Answer("refused")
        self._take(message, to, key, began)
        await self.outside.moment()
        if weather.strikes("provider hung"):
            await asyncio.sleep(HANGS)
        if weather.strikes("provider's answer lost"):
            return Answer("unknown")
        return Answer("accepted", f"provider-{len(self.outside.taken)}")

    def _take(self, message: Message, to: str, key: str, began: datetime) -> None:
        if self.dedups and key in self._known:
            self.outside.weather.note("provider knew the key")
            return
        self._known.add(key)
        self.outside.taken.append(Taken(self.channel, key, to, message.text, began))


class Pager:
    """Wakes whoever is on call."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside

    async def send(self, page: PageOnCall, *, to: str) -> Answer:
        """Page once."""
        await self.outside.moment()
        if self.outside.weather.strikes("provider away"):
            return Answer("unreachable")
        self.outside.pages.append(str(page.page_id))
        return Answer("accepted")
