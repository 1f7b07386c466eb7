"""Part 6: what a deployment takes while nothing happens, and how long it needs to be there."""

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from deploy.mortal import dying_with_parent
from tests.bench.figures import Line, Spread
from tests.bench.house import House, house
from tests.bench.postgres import postgres
from tests.bench.processes import Meter, memory
from tests.demos import free_base

READY = b"Ready."
STARTS = 5
AFTER = 200
"""Referrals carried before memory is weighed, so that what is loaded at first use is loaded."""


async def measure(
    folder: Path, *, rounds: int, databases: tuple[str, ...], tell: Any, seconds: float = 20.0, after: int = AFTER
) -> list[Line]:
    """Memory and idle CPU of every process, and seconds from `alongside up` to ready."""
    found = []
    async with AsyncExitStack() as stack:
        pg = await stack.enter_async_context(postgres())
        for kind in databases:
            async with house(folder / kind, **await pg.home(kind, f"rest_{kind}")) as real:
                await real.prepare(after)
                await real.carry(after)
                found += await _resting(real, kind, rounds, seconds)
    found.append(await _starts(folder, tell, min(STARTS, 2 * rounds)))
    return found


async def _resting(real: House, kind: str, rounds: int, seconds: float) -> list[Line]:
    own = {name: pid for name, pid in real.pids.items() if name != "postgresql"}
    shares = []
    for _ in range(rounds):
        meter, begun = Meter(own), time.monotonic()
        await asyncio.sleep(seconds)
        shares.append(100 * sum(meter.read().values()) / (time.monotonic() - begun))
    weighed = {name: memory(pid) for name, pid in own.items()}
    pss, uss = (sum(each[which] for each in weighed.values()) for which in ("pss", "uss"))
    told = ", ".join(f"{name} {each['pss']:.0f}" for name, each in weighed.items())
    return [
        Line("rest", f"memory of all processes (PSS), {kind}", Spread((pss,)), "MiB", against=told),
        Line("rest", f"memory of all processes (USS), {kind}", Spread((uss,)), "MiB"),
        Line("rest", f"idle CPU of all processes, {kind}", Spread(tuple(shares)), "% of a core"),
    ]


async def _starts(folder: Path, tell: Any, times: int) -> Line:
    """Seconds from the command to its word that everything is ready, on SQLite, each time in a new folder."""
    took = []
    for number in range(times):
        took.append(await _start(folder / f"start-{number}"))
        tell(f"start {number + 1}: ready in {took[-1]:.1f} s")
    return Line("rest", "from `alongside up` to ready, new folder, SQLite", Spread(tuple(took)), "s")


async def _start(data: Path) -> float:
    argv = [sys.executable, "-m", "deploy.alongside", "up", "--data", str(data), "--port-base", str(free_base())]
    env = {**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=env, preexec_fn=dying_with_parent()
    )
    assert process.stdout is not None
    try:
        while line := await process.stdout.readline():
            if line.startswith(READY):
                return time.monotonic() - begun
        raise RuntimeError("`alongside up` ended before it was ready")
    finally:
        process.terminate()
        await process.communicate()
