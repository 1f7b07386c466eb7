"""Keeps a handful of programs running beside each other: starts, restarts, and ends them together."""

import asyncio
import json
import logging
import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BufferedWriter
from itertools import chain
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from deploy import ports
from deploy.mortal import dying_with_parent

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds before a restart: doubled with each death in a row."""

STEADY = 5.0
"""Seconds a child has to live for its next death to be the first again."""

HOPELESS = 3
"""Deaths in a row before a child was ever ready: it will not become so by itself."""

HARMLESS = re.compile(r"^\S+ \S+ (INFO|DEBUG) |\[(INF|DBG|TRC)\] ")
"""Lines in which our services and nats-server tell of what goes well."""


class StartError(Exception):
    """A child cannot be started, or did not become ready; the message says where to look."""


@dataclass(frozen=True)
class Child:
    """A program to keep running: `ready` is a URL that answers 200 when it is; `ports` are what it listens on."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str | None = None
    ports: Sequence[int] = ()


@dataclass
class _Kept:
    child: Child
    log_begins: int = 0
    process: asyncio.subprocess.Process | None = None
    deaths: int = 0
    keeper: asyncio.Task[None] | None = None
    spawning: asyncio.Lock = field(default_factory=asyncio.Lock)


class Supervisor:
    """Keeps children running until drained; their process ids stand in `<data>/processes.json`."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._groups: list[list[_Kept]] = []
        self._draining = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drain()

    async def start(self, *children: Child, within: float = 30.0) -> None:
        """
        This will start the children side by side and return when all are ready.

        It raises StartError, having started nothing, when a port is taken; and with a child's last words when one keeps
        dying or is not ready after `within` seconds. Children of earlier calls are drained after those of later ones.
        """
        refuse_taken_ports({port: each.name for each in children for port in each.ports})
        group = [_Kept(each, log_begins=_size(each.log)) for each in children]
        self._groups.append(group)
        for kept in group:
            await self._spawn(kept)
            kept.keeper = asyncio.create_task(self._keep(kept), name=f"keep {kept.child.name}")
        await asyncio.gather(*(self._until_ready(each, within, deaths=HOPELESS) for each in group))

    async def ready(self, name: str, *, within: float = 30.0) -> None:
        """This will return when a child answers that it is ready, also after a restart; else raise StartError."""
        await self._until_ready(self._kept(name), within)

    def pid(self, name: str) -> int:
        """This will give the process id of a child as it runs now."""
        process = self._kept(name).process
        assert process is not None
        return process.pid

    def signal(self, name: str, number: signal.Signals) -> None:
        """This will send a signal to a child, unless it has just ended."""
        process = self._kept(name).process
        if process and process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(number)

    def deaths(self, name: str) -> int:
        """This will count how often in a row a child ended unasked."""
        return self._kept(name).deaths

    async def until_told_to_stop(self) -> None:
        """This will wait for SIGTERM or Ctrl-C."""
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, told.set)
        try:
            await told.wait()
        finally:
            for each in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(each)

    async def drain(self, *, within: float = 20.0) -> None:
        """This will ask the children to end, the latest started first, and kill what is left after `within` seconds."""
        self._draining.set()
        deadline = time.monotonic() + within
        while self._groups:
            await asyncio.gather(*(_end(each, deadline) for each in self._groups[-1]))
            self._groups.pop()
            self._note_processes()

    async def _spawn(self, kept: _Kept) -> None:
        async with kept.spawning:
            if self._draining.is_set():
                return
            with _open_log(kept.child.log) as file:
                kept.process = await asyncio.create_subprocess_exec(
                    *kept.child.argv,
                    env={**os.environ, **kept.child.env},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    # A session of its own: Ctrl-C reaches the supervisor alone, which then ends the children in order.
                    start_new_session=True,
                    preexec_fn=dying_with_parent(),
                )
            self._note_processes()

    async def _keep(self, kept: _Kept) -> None:
        while kept.process and not self._draining.is_set():
            began = time.monotonic()
            code = await kept.process.wait()
            if self._draining.is_set():
                return
            kept.deaths = 1 if time.monotonic() - began > STEADY else kept.deaths + 1
            pause: float = min(FIRST_PAUSE * 2 ** (kept.deaths - 1), LONGEST_PAUSE)
            log.warning("%s ended with code %s; starting it again in %.1f s", kept.child.name, code, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), pause)
                return
            await self._spawn_again(kept)

    async def _spawn_again(self, kept: _Kept) -> None:
        """This will start a child again, however often the machine has no room for it."""
        while not self._draining.is_set():
            try:
                await self._spawn(kept)
                return
            except OSError as wrong:
                log.warning("%s cannot be started (%s); again in %.0f s", kept.child.name, wrong, LONGEST_PAUSE)
                await asyncio.sleep(LONGEST_PAUSE)

    async def _until_ready(self, kept: _Kept, within: float, *, deaths: float = inf) -> None:
        deadline = time.monotonic() + within
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while not await _is_ready(kept, http):
                if time.monotonic() > deadline or kept.deaths >= deaths:
                    raise StartError(_never_ready(kept))
                await asyncio.sleep(0.05)

    def _kept(self, name: str) -> _Kept:
        return next(each for each in chain(*self._groups) if each.child.name == name)

    def _note_processes(self) -> None:
        pids = {each.child.name: each.process.pid for each in chain(*self._groups) if each.process}
        path = self._data / "processes.json"
        draft = path.with_suffix(".draft")
        try:
            draft.write_text(json.dumps(pids, indent=2) + "\n")
            draft.replace(path)
        except OSError as wrong:
            log.warning("the process ids cannot be written to %s (%s)", path, wrong)


def refuse_taken_ports(wanted: Mapping[int, str]) -> None:
    """This will raise StartError, naming every port, and what needs it, that another program already listens on."""
    taken = [f"{port} (for {name})" for port, name in wanted.items() if ports.is_taken(port)]
    if taken:
        raise StartError(
            f"Another program already listens on {', '.join(taken)}: end it, or choose other ports with --port-base."
        )


async def _is_ready(kept: _Kept, http: aiohttp.ClientSession) -> bool:
    if kept.process is None or kept.process.returncode is not None:
        return False
    if kept.child.ready is None:
        return True
    try:
        async with http.get(kept.child.ready, allow_redirects=False) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _end(kept: _Kept, deadline: float) -> None:
    """This will end one child and its keeper: asked first, by force at the deadline."""
    async with kept.spawning:
        # A restart that was under way is done; the next ones see that we drain.
        process = kept.process
    if process and process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            log.warning("%s did not end in time and is killed", kept.child.name)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if kept.keeper:
        await kept.keeper


def _open_log(path: Path) -> BufferedWriter:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def _never_ready(kept: _Kept) -> str:
    child = kept.child
    words = "\n  ".join(_last_words(child.log, kept.log_begins)) or "(none)"
    ended = f" and ended {kept.deaths} times" if kept.deaths else ""
    return f"{child.name} did not become ready{ended}. Its last words in {child.log}:\n  {words}"


def _last_words(log: Path, begins: int) -> list[str]:
    """This will give the last lines of this run, the harmless ones only where there are no others."""
    with log.open("rb") as file:
        file.seek(begins)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return [each for each in lines if not HARMLESS.search(each)][-3:] or lines[-3:]


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
