"""Part 6: what a deployment takes while nothing happens, and how long it needs to be there."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from deploy.mortal import dying_with_parent
from tests.bench.figures import Line, Spread
from tests.bench.house import House, house
from tests.bench.postgres import postgres
from tests.bench.processes import Meter, cpu_seconds, memory
from tests.demos import free_base

READY = b"Ready."
STARTS = 5
AFTER = 200
"""Referrals carried before memory is weighed, so that what is loaded at first use is loaded."""


async def measure(
    folder: Path, *, rounds: int, databases: tuple[str, ...], tell: Any, seconds: float = 20.0, after: int = AFTER
) -> list[Line]:
    """Memory and idle CPU of every process, of PostgreSQL beside them, and seconds from `alongside up` to ready."""
    found = []
    async with AsyncExitStack() as stack:
        pg = await stack.enter_async_context(postgres())
        for kind in databases:
            async with house(folder / kind, **await pg.home(kind, f"rest_{kind}")) as real:
                await real.prepare(after)
                await real.carry(after)
                found += await _resting(real, kind, rounds, seconds)
    return found + await _starts(folder, tell, min(STARTS, 2 * rounds), seconds)


async def _resting(real: House, kind: str, rounds: int, seconds: float) -> list[Line]:
    shares: dict[str, list[float]] = {name: [] for name in real.pids}
    for _ in range(rounds):
        meter, begun = Meter(real.pids), time.monotonic()
        await asyncio.sleep(seconds)
        lasted = time.monotonic() - begun
        for name, used in meter.read().items():
            shares[name].append(100 * used / lasted)
    weighed = {name: memory(pid) for name, pid in real.pids.items()}
    found = []
    for whose, names in _owners(real.pids):
        pss, uss = (sum(weighed[name][which] for name in names) for which in ("pss", "uss"))
        told = ", ".join(f"{name} {weighed[name]['pss']:.0f}" for name in names)
        idle = Spread(tuple(sum(each) for each in zip(*(shares[name] for name in names), strict=True)))
        found += [
            Line("rest", f"memory of {whose} (PSS), {kind}", Spread((pss,)), "MiB", against=told),
            Line("rest", f"memory of {whose} (USS), {kind}", Spread((uss,)), "MiB"),
            Line("rest", f"idle CPU of {whose}, {kind}", idle, "% of a core"),
        ]
    return found


def _owners(pids: Mapping[str, int]) -> list[tuple[str, list[str]]]:
    """Our processes, and whoever works for them: each with their names."""
    own = [name for name in pids if name != "postgresql"]
    return [("services and broker", own), *([("PostgreSQL", ["postgresql"])] if "postgresql" in pids else [])]


async def _starts(folder: Path, tell: Any, times: int, seconds: float) -> list[Line]:
    """Seconds from the command to its word that everything is ready, on SQLite, each time in a new folder.

    And what the command itself takes, which keeps watch over the others.
    """
    took, weights, shares = [], [], []
    for number in range(times):
        async with _started(folder / f"start-{number}") as (pid, lasted):
            took.append(lasted)
            before = cpu_seconds(pid, alone=True)
            await asyncio.sleep(seconds)
            shares.append(100 * (cpu_seconds(pid, alone=True) - before) / seconds)
            weights.append(memory(pid, alone=True)["pss"])
        tell(f"start {number + 1}: ready in {took[-1]:.1f} s")
    return [
        Line("rest", "memory of `alongside up` itself (PSS)", Spread(tuple(weights)), "MiB"),
        Line("rest", "idle CPU of `alongside up` itself", Spread(tuple(shares)), "% of a core"),
        Line("rest", "from `alongside up` to ready, new folder, SQLite", Spread(tuple(took)), "s"),
    ]


@asynccontextmanager
async def _started(data: Path) -> AsyncIterator[tuple[int, float]]:
    """A deployment that runs as long as the block: its process, and after how many seconds it was ready."""
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
                break
        else:
            raise RuntimeError("`alongside up` ended before it was ready")
        yield process.pid, time.monotonic() - begun
    finally:
        process.terminate()
        await process.communicate()
