"""Parts 1 to 3: the real services, the floor and the rivals, one after another in every round, on the same rows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.bench import capture, rivals
from tests.bench.capture import Workload
from tests.bench.figures import Line, rate, times
from tests.bench.floor import floor
from tests.bench.house import Carried, House, house
from tests.bench.postgres import Server, postgres
from tests.bench.rivals import Missing

DBOS_BEST = {"processes": 2, "workers": 4, "how": "steps"}
CELERY_BEST = {"processes": 2, "prefetch": 4}
"""For two cores; `python -m tests.bench tune` compares other settings."""

HOUSES = {"sqlite": "Alongside, SQLite", "postgresql": "Alongside, PostgreSQL"}
FLOORS = {"sqlite": "raw floor, SQLite", "postgresql": "raw floor, PostgreSQL"}
DBOS, CELERY = "DBOS Transact, PostgreSQL", "Celery, Redis, PostgreSQL"


class Contestant(Protocol):
    """Whoever carries referrals."""

    async def prepare(self, count: int) -> None:
        """Make ready for a round."""
        ...

    async def carry(self, count: int) -> Carried:
        """Carry a round."""
        ...


class Incomplete(Exception):
    """A round left somebody without reminders; the message says how many."""


@dataclass(frozen=True)
class Wanted:
    """How much is measured: rounds, referrals a round, and whose turn it is."""

    rounds: int = 5
    referrals: int = 500
    warm_up: int = 100
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    with_floor: bool = True
    with_rivals: bool = True


async def measure(folder: Path, wanted: Wanted, tell: Any) -> tuple[list[Line], dict[str, Any]]:
    """Everything in one run, alternating; the lines, what a referral wrote, and how PostgreSQL was set."""
    async with contestants(folder, wanted, tell) as (everybody, work, settings):
        rounds: dict[str, list[Carried]] = {name: [] for name in everybody}
        for name, each in everybody.items():
            await each.prepare(wanted.warm_up)
            await each.carry(wanted.warm_up)
            tell(f"{name} is warm")
        for number in range(wanted.rounds):
            for name, each in everybody.items():
                await each.prepare(wanted.referrals)
                found = await each.carry(wanted.referrals)
                refuse_incomplete(name, found)
                rounds[name].append(found)
                tell(f"round {number + 1}: {name}: {found.rate:.1f}/s, {sum(found.cpu_ms.values()):.1f} CPU ms")
    wrote = {name: each.figures() for name, each in work.items()}
    return lines(rounds), {"rows_a_referral": wrote, "postgresql": settings}


def refuse_incomplete(name: str, found: Carried) -> None:
    """Raise Incomplete unless everybody referred has reminders."""
    if found.people != found.referrals:
        raise Incomplete(f"{name}: {found.referrals - found.people} of {found.referrals} have no reminders")


@asynccontextmanager
async def contestants(
    folder: Path, wanted: Wanted, tell: Any
) -> AsyncIterator[tuple[dict[str, Contestant], dict[str, Workload], dict[str, str]]]:
    """Everybody who takes part, started and idle, and what the real ones were seen to write."""
    found: dict[str, Contestant] = {}
    work: dict[str, Workload] = {}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(postgres())
        for kind in wanted.databases:
            real = await stack.enter_async_context(house(folder / f"house-{kind}", **await server.home(kind, "house")))
            work[kind] = await captured(real, wanted.warm_up)
            found[HOUSES[kind]] = real
        for kind in wanted.databases if wanted.with_floor else ():
            bare = floor(folder / f"floor-{kind}", work[kind], **await server.home(kind, "floor"))
            found[FLOORS[kind]] = await stack.enter_async_context(bare)
        if wanted.with_rivals and "postgresql" in work:
            await _rivals(stack, folder, work["postgresql"], server, found, tell)
        yield found, work, server.settings


async def _rivals(
    stack: AsyncExitStack, folder: Path, work: Workload, server: Server, found: dict[str, Contestant], tell: Any
) -> None:
    """Add the rivals that are installed; the others are told of, and left out."""
    system, kind = await server.database("dbos_system"), "postgresql"
    ways: Mapping[str, Any] = {
        DBOS: rivals.dbos(folder / "dbos", work, system, **await server.home(kind, "dbos"), **DBOS_BEST),
        CELERY: rivals.celery(folder / "celery", work, **await server.home(kind, "celery"), **CELERY_BEST),
    }
    for name, way in ways.items():
        try:
            found[name] = await stack.enter_async_context(way)
        except Missing as missing:
            tell(f"{name} is left out: {missing}")


async def captured(real: House, count: int) -> Workload:
    """What the real services write for so many referrals."""
    await real.prepare(count)
    before = await capture.seen(real.stores)
    refuse_incomplete("the captured round", await real.carry(count))
    return capture.workload(capture.between(before, await capture.seen(real.stores)))


def lines(rounds: Mapping[str, list[Carried]]) -> list[Line]:
    """The table's lines, each held against what it is to be compared with."""
    plain = {name: rate("carry", name, each) for name, each in rounds.items()}
    found = []
    for name, line in plain.items():
        against = ""
        kind = next((each for each, title in HOUSES.items() if title == name), "")
        if kind and (bare := plain.get(FLOORS[kind])):
            against = f"{times(bare.value.middle, line.value.middle)} the floor's wall time"
            if bare.cpu_ms and line.cpu_ms:
                against += f", {times(line.cpu_ms.middle, bare.cpu_ms.middle)} its CPU"
        elif name in (DBOS, CELERY) and (real := plain.get(HOUSES["postgresql"])):
            against = f"Alongside on PostgreSQL is {times(real.value.middle, line.value.middle)} as fast"
        found.append(rate("carry", name, rounds[name], against))
    return found
