"""The raw floor: the same rows and messages on the same broker and the same schemas, by loops that decide nothing."""

import asyncio
import pickle
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from deploy.mortal import dying_with_parent
from deploy.nats import server, topology
from deploy.premises import database_urls, equip
from deploy.world.places import ORGANISATIONS, PROGRAMME
from shared import clock, migrations, names
from shared.database import Database
from tests.bench import copies, crowd, stores
from tests.bench.bare import Load
from tests.bench.capture import MOVES_ON, Workload
from tests.bench.copies import Copy
from tests.bench.house import LAST, Carried
from tests.bench.posters import Posters, posters, written
from tests.bench.processes import Meter

SEALED = "sealed."
FIRST = 10_000
"""Numbers of people whom nobody else posts."""


class Floor:
    """Four bare processes on a broker and stores of their own."""

    def __init__(
        self, work: Workload, referring: Posters, workers: Mapping[str, Any], opened: Mapping[str, Any], **more: Any
    ):
        self.work, self.posters, self.workers, self.stores = work, referring, workers, opened
        self.folder: Path = more["folder"]
        self.pids: dict[str, int] = more["pids"]
        self.posted = self.copied = 0

    async def prepare(self, count: int) -> None:
        """Do nothing: what is to be written is laid ready before the clock runs."""

    async def carry(self, count: int) -> Carried:
        """Post as many as wanted, and wait until each process has heard, written and published its part."""
        posts = written(crowd.referrals(FIRST + self.posted, count))
        self.posted += count
        await self._load([person.identifier for person, _ in posts])
        meter, begun = Meter(self.pids), clock.real()
        await self.posters.post(posts)
        ends = dict(zip(self.workers, await asyncio.gather(*map(_done, self.workers.values())), strict=True))
        seconds = (ends["notifications"] - begun).total_seconds()
        to_rest = (max(ends.values()) - begun).total_seconds()
        return Carried(count, seconds, to_rest, meter.read(), people=count)

    async def _load(self, posted: Sequence[str]) -> None:
        """Write down what each process will do, for so many people, before the clock runs."""
        ways = self.work.ways
        some = [Copy(self.copied + number) for number in range(-(-len(posted) // len(ways)))]
        self.copied += len(some)
        pairs = list(islice(((way, copy) for copy in some for way in ways), len(posted)))
        supporters = copies.referred_to(self.work, some)
        kind = self.work.written["matching"].kind("supporters")
        await self.stores["matching"].insert("supporters", kind.columns, supporters)
        made = {
            service: [copies.steps(self.work, service, *pair, name) for pair, name in zip(pairs, posted, strict=True)]
            for service in names.SERVICES
        }
        said = Counter(each[1].split(".", 2)[0] for some in made.values() for one in some for each in one.messages)
        sealed = Counter(
            each[1].split(".", 2)[1] for one in made["referrals"] for each in one.messages if each[1].startswith(SEALED)
        )
        for service, worker in self.workers.items():
            heard = hears(self.work, service)
            expected = sum(sealed[service] if each == "sealed" else said[each] for each in heard)
            columns = {each.name: each.columns for each in self.work.written[service].kinds}
            first = (await self.stores[service].rows(LAST))[0][0] + 1
            total = expected + (len(posted) if service == "referrals" else 0)
            load = Load(columns, MOVES_ON.get(service, ""), {each.key: each for each in made[service]}, total, first)
            path = self.folder / f"{service}.load"
            path.write_bytes(pickle.dumps(load))
            worker.stdin.write(f"{path}\n".encode())
            assert (await worker.stdout.readline()).strip() == b"ready"


async def _done(worker: Any) -> datetime:
    told = (await worker.stdout.readline()).decode().split()
    assert told and told[0] == "done", f"a bare process ended ({worker.returncode})"
    return datetime.fromisoformat(told[1])


def hears(work: Workload, service: str) -> list[str]:
    """The speakers whose facts a service heard in the captured round; `sealed` for all sealed ones."""
    kind = work.written[service].kind("heard")
    rows = [*work.written[service].rows["heard"], *work.written[service].stood["heard"]]
    found = {str(row[kind.at("source")]).split(".")[0] for row in rows}
    return sorted(found)


def _consumers(work: Workload, service: str) -> str:
    found = [
        (names.SEALED_STREAM if each == "sealed" else names.stream(each), names.consumer(service, each))
        for each in hears(work, service)
    ]
    if service == "referrals":
        found += [(names.ingest_stream(each), service) for each in crowd.POSTERS]
    return ",".join(map(":".join, found))


@asynccontextmanager
async def floor(
    data: Path, work: Workload, database: str | None = None, *, others: Mapping[str, int] | None = None
) -> AsyncIterator[Floor]:
    """The four bare processes, with a broker configured and stores migrated as the real ones are."""
    async with AsyncExitStack() as stack:
        premises = equip(data, programme=PROGRAMME)
        broker = server.start(premises.broker)
        stack.callback(broker.stop)
        await topology.declare(broker.url, premises.admin_seed, ORGANISATIONS)
        urls = database_urls(data, database)
        for service, url in urls.items():
            opened = Database.open(url)
            await migrations.upgrade(opened, service)
            await opened.close()
        seeds = premises.broker.seeds
        workers = {}
        for service, url in urls.items():
            told = [broker.url, str(seeds[service]), service, url, _consumers(work, service)]
            workers[service] = await _worker(told, data / f"{service}.log")
            stack.push_async_callback(_end, workers[service])
        referring = await stack.enter_async_context(posters(broker.url, seeds))
        found = {name: await stack.enter_async_context(stores.opened(url)) for name, url in urls.items()}
        pids = {"nats-server": broker.process.pid, **{name: each.pid for name, each in workers.items()}}
        yield Floor(work, referring, workers, found, folder=data, pids={**pids, **(others or {})})


async def _worker(told: Sequence[str], log: Path) -> Any:
    with log.open("wb") as file:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.bare",
            *told,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
            preexec_fn=dying_with_parent(),
        )


async def _end(worker: Any) -> None:
    if worker.returncode is None:
        worker.terminate()
    await worker.wait()
