"""Plays the demo: twelve weeks in which people are referred, matched, visited, reminded and counted."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp

from deploy.nats.admin import connect
from deploy.up import Running
from deploy.world import people, staff
from deploy.world.conductor import Conductor, next_stop
from deploy.world.edges import Edges
from deploy.world.insuring import Insuring
from deploy.world.places import ORGANISATIONS
from deploy.world.referring import Referring
from deploy.world.replying import Replying
from deploy.world.staff import Staff
from deploy.world.tally import Summary, figures_of, summary
from shared import names

WEEKS = 12
LONGEST_STEP = timedelta(days=1)
MORE_SUPPORTERS_AFTER = timedelta(days=24)
Progress = Callable[["Play"], Awaitable[None]]


@dataclass
class Play:
    """One demo under way."""

    conductor: Conductor
    edges: Edges
    referring: Referring
    staff: Staff
    replying: Replying
    insuring: Insuring
    begun: float = field(default_factory=time.monotonic)
    late_supporters: list[dict[str, object]] = field(default_factory=list)

    @property
    def end(self) -> datetime:
        """The last moment that is played."""
        return people.BEGIN + timedelta(weeks=WEEKS)

    async def run(self, progress: Progress) -> Summary:
        """This will play to the end and give the summary."""
        while self.conductor.now < self.end:
            while await self._act(await self.conductor.settle()):
                pass
            await progress(self)
            await self.conductor.announce(self._next())
        while await self._act(await self.conductor.settle()):
            pass
        await self.insuring.ask(self.conductor.now)
        return await self.summary()

    async def summary(self) -> Summary:
        """This will count from the services' own figures."""
        figures = await figures_of(self.edges)
        return summary(figures, self.referring, self.insuring, self.edges, time.monotonic() - self.begun)

    async def _act(self, moved: set[str]) -> bool:
        """This will let everybody act whom something that moved concerns, and say whether anybody did."""
        now = self.conductor.now
        acted = await asyncio.gather(
            self.referring.act(now),
            self.staff.act(now, moved),
            self.replying.act() if "notifications" in moved else _nobody(),
            self._join(now),
        )
        await self.insuring.act(now)
        return any(acted)

    async def _join(self, now: datetime) -> bool:
        """This will let more supporters join, so that there is room for those who wait."""
        joining = self.late_supporters if now >= people.BEGIN + MORE_SUPPORTERS_AFTER else []
        if joining:
            self.late_supporters = []
            await self.staff.register(joining)
        return bool(joining)

    def _next(self) -> datetime:
        """This will give the next stop of the clock by which a timer rings or somebody acts."""
        now = self.conductor.now
        wanted = [self.conductor.due, self.referring.next_moment, self.staff.next_moment, self.insuring.next_moment]
        coming = [each for each in wanted if each and each > now]
        return next_stop(min([*coming, now + LONGEST_STEP, self.end]))


async def _nobody() -> bool:
    return False


@asynccontextmanager
async def playing(running: Running, provider: str, secret: str, *, count: int, seed: int) -> AsyncIterator[Play]:
    """This will connect everybody to a running system, and register who is there from the beginning."""
    keys = {each.organisation_id: running.premises.api_key(each.organisation_id) for each in ORGANISATIONS}
    async with _http(keys["programme"]) as http:
        client = await connect(running.addresses.nats, running.premises.admin_seed, patient=True)
        edges = Edges(http, running.addresses.services, keys, running.addresses.mllp)
        outside = {name: seed for name, seed in running.premises.broker.seeds.items() if name in keys}
        await edges.open_bus(running.addresses.nats, outside)
        steps = Conductor(client, running.addresses.services, http)
        steps.ingests = tuple(names.ingest_stream(each) for each in keys)
        steps.now = people.BEGIN
        population = people.population(count, seed)
        play = Play(
            steps,
            edges,
            Referring(edges, population),
            Staff(edges, seed),
            Replying(edges, provider, secret, population, seed),
            Insuring(edges, people.BEGIN),
        )
        await _prepare(play, count, seed)
        try:
            yield play
        finally:
            await edges.close()
            await client.close()


def _http(key: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {key}"},
        connector=aiohttp.TCPConnector(limit=20),
        timeout=aiohttp.ClientTimeout(total=None, connect=30, sock_read=30),
    )


async def _prepare(play: Play, count: int, seed: int) -> None:
    everybody = staff.supporters(max(4, round(count * staff.SUPPORTERS_PER_PERSON)), seed)
    early = max(2, len(everybody) * 4 // 5)
    play.late_supporters = everybody[early:]
    await play.staff.open_doors()
    await play.staff.register(everybody[:early])


async def keep_time(steps: Conductor) -> None:
    """This will let the clock run on, second by second, from where the play ended."""
    begun, last = time.monotonic(), steps.now
    while True:
        await asyncio.sleep(1)
        await steps.announce(last + timedelta(seconds=time.monotonic() - begun))
