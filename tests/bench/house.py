"""The real thing: the four services and their broker as processes of their own, and everybody who acts on them."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from deploy.nats.admin import connect
from deploy.up import Plan, Running, running
from deploy.world.edges import Edges
from deploy.world.places import ORGANISATIONS, PROGRAMME
from deploy.world.staff import OFFERINGS
from shared import clock, names
from tests.bench import crowd, stores
from tests.bench.posters import Posters, posters, written
from tests.bench.processes import Meter
from tests.demos import free_base

UNSENT = "select count(*) from outbox where sent_at is null"
LAST = "select coalesce(max(id), 0) from outbox"
PLANNED = "notifications.reminders-planned.v1"
BOOKED = "scheduling.series-booked.v1"


@dataclass
class Carried:
    """What one round carried: wall seconds to the last reminder, to rest, and CPU seconds by process."""

    referrals: int
    seconds: float
    to_rest: float
    cpu: dict[str, float] = field(default_factory=dict)
    reminders: int = 0
    people: int = 0

    @property
    def rate(self) -> float:
        """Referrals a second, from the first post to the last reminder on the bus."""
        return self.referrals / self.seconds

    @property
    def cpu_ms(self) -> dict[str, float]:
        """CPU milliseconds a referral by process."""
        return {name: 1000 * each / self.referrals for name, each in self.cpu.items()}


class House:
    """One running deployment, with a supporter for everybody, and its stores open from outside."""

    def __init__(
        self, there: Running, edges: Edges, posters: Posters, admin: Any, opened: Mapping[str, Any], **others: int
    ) -> None:
        self.there, self.edges, self.posters, self.admin = there, edges, posters, admin
        self.stores, self.others = opened, others
        self.referred = self.registered = 0
        self.answers: Counter[int] = Counter()
        self.offers: asyncio.Queue[tuple[str, datetime]] = asyncio.Queue()
        self._yes: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(16)
        self.answering = True
        # Of the consumers some are read by nobody; those who are have a request open now and then.
        self._read: set[str] = set()

    @property
    def pids(self) -> dict[str, int]:
        """Every process that works for the deployment, by name."""
        found: dict[str, int] = json.loads((self.there.premises.data / "processes.json").read_text())
        return {**found, **self.others}

    async def prepare(self, referred: int) -> None:
        """Let everybody who is registered leave, register supporters for so many people, and come to rest.

        So every round finds the same number to choose from.
        """
        await self.stores["matching"].run("update supporters set active = false")
        fresh = crowd.supporters(self.registered, referred)
        self.registered += len(fresh)
        for start in range(0, len(fresh), 16):
            some = fresh[start : start + 16]
            puts = (
                self.edges.send("matching", f"/supporters/{each['supporter_id']}", each, method="PUT") for each in some
            )
            await asyncio.gather(*puts)
        await self.at_rest()

    async def carry(self, count: int) -> Carried:
        """Post referrals, say yes to each offer, and wait until every reminder is planned and told."""
        posts = written(crowd.referrals(self.referred, count))
        self.referred += count
        marks = {name: (await store.rows(LAST))[0][0] for name, store in self.stores.items()}
        meter, begun = Meter(self.pids), clock.real()
        await self.posters.post(posts)
        reminders, of_people = await self.all_told(count, marks)
        cpu, rested = meter.read(), clock.real()
        ended = await self._last_told(marks["notifications"])
        seconds, to_rest = (ended - begun).total_seconds(), (rested - begun).total_seconds()
        return Carried(count, seconds, to_rest, cpu, reminders, of_people)

    async def all_told(self, count: int, marks: Mapping[str, int], within: float = 600.0) -> tuple[int, int]:
        """Wait until so many more have reminders and all is at rest; how many were planned, and for how many people.

        Series are counted while they come, for they are few; reminders only when everybody has a series.
        """
        deadline = asyncio.get_running_loop().time() + within
        booked = f"select count(*) from outbox where id > {marks['scheduling']} and type = '{BOOKED}'"
        found, reminders, people = 0, 0, 0
        while people < count:
            await asyncio.sleep(0.05)
            found = (await self.stores["scheduling"].rows(booked))[0][0]
            if found >= count:
                await self.at_rest()
                reminders, people = await self._reminders(marks["notifications"])
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"after {within:.0f} s {found} of {count} have a series, {people} have reminders")
        return reminders, people

    async def at_rest(self) -> None:
        """Wait until every letter is read and every row is sent, twice in a row."""
        quiet = 0
        while quiet < 2:
            quiet = quiet + 1 if await self._is_quiet() else 0
            await asyncio.sleep(0.02)

    async def _is_quiet(self) -> bool:
        for store in self.stores.values():
            if (await store.rows(UNSENT))[0][0]:
                return False
        ingests = [names.ingest_stream(each) for each in crowd.POSTERS]
        for stream in (*map(names.stream, names.SERVICES), names.SEALED_STREAM, *ingests):
            answer = await self.admin.request(f"$JS.API.CONSUMER.LIST.{stream}", b"{}", timeout=5)
            for each in json.loads(answer.data).get("consumers") or []:
                if each["num_waiting"]:
                    self._read.add(each["name"])
                if each["num_ack_pending"] or (each["num_pending"] and each["name"] in self._read):
                    return False
        return True

    async def _last_told(self, mark: int) -> datetime:
        query = f"select max(sent_at) from outbox where id > {mark} and type = '{PLANNED}'"
        found = (await self.stores["notifications"].rows(query))[0][0]
        return datetime.fromisoformat(found) if isinstance(found, str) else found

    async def _reminders(self, mark: int) -> tuple[int, int]:
        query = f"select key, body from outbox where id > {mark} and type = '{PLANNED}'"
        told = await self.stores["notifications"].rows(query)
        return sum(len(json.loads(body)["reminders"]) for _, body in told), len({key for key, _ in told})

    async def watch_offers(self, *, answering: bool) -> None:
        """See every offer as soon as it is on the bus; answer it with yes, as supporters would over HTTP."""
        self.answering = answering
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.NEW,
            filter_subject=names.address("matching", "offer-made", 1) + ".*",
        )
        stream = names.stream("matching")
        await self.admin.jetstream().subscribe(
            "", stream=stream, config=config, cb=self._offered, ordered_consumer=False
        )

    async def _offered(self, message: Any) -> None:
        told = json.loads(message.data)
        self.offers.put_nowait((told["referral_id"], clock.real()))
        if self.answering:
            task = asyncio.create_task(self._answer(told["offer_id"]))
            self._yes.add(task)
            task.add_done_callback(self._yes.discard)

    def stop_answering(self) -> None:
        """Leave alone what is not answered yet."""
        self.answering = False
        for each in self._yes:
            each.cancel()

    async def _answer(self, offer_id: str) -> None:
        async with self._turns:
            body = {"answer": "accept", "by": "supporter"}
            told = await self.edges.send("matching", f"/offers/{offer_id}/answer", body, refused_too=(409,))
        self.answers[told.status] += 1


@asynccontextmanager
async def house(
    data: Path,
    database: str | None = None,
    *,
    others: Mapping[str, int] | None = None,
    extra: tuple[tuple[str, str], ...] = (),
    answering: bool = True,
    nats: str | None = None,
) -> AsyncIterator[House]:
    """A deployment of the demo's programme on fresh stores, with its doors open and its supporters ready to say yes."""
    plan = Plan(data, free_base(), nats, database, programme=PROGRAMME, extra=(*crowd.night(), *extra))
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(running(plan))
        keys = {each.organisation_id: there.premises.api_key(each.organisation_id) for each in ORGANISATIONS}
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16)))
        admin = await connect(there.addresses.nats, there.premises.admin_seed, patient=True)
        stack.push_async_callback(admin.close)
        edges = Edges(http, there.addresses.services, keys)
        referring = await stack.enter_async_context(posters(there.addresses.nats, there.premises.broker.seeds))
        urls = there.addresses.databases
        opened = {name: await stack.enter_async_context(stores.opened(url)) for name, url in urls.items()}
        found = House(there, edges, referring, admin, opened, **(others or {}))
        for each in OFFERINGS:
            await edges.send("matching", f"/offerings/{crowd.an_id(each['internal_name'])}", each, method="PUT")
        await found.watch_offers(answering=answering)
        stack.callback(found.stop_answering)
        yield found
