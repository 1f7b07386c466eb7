"""Part 5: what a referral costs when a thousand, ten thousand, a hundred thousand went before it."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from typing import Any

from sqlalchemy import Table, Text, Uuid

from shared import clock
from shared.ids import WEEK
from tests.bench import capture
from tests.bench.carrying import refuse_incomplete
from tests.bench.figures import Line, Spread, number, times
from tests.bench.house import Carried, house
from tests.bench.postgres import postgres

PATTERN = 200
"""Referrals carried for real, whose rows are then copied."""

CHUNK = 25
"""Copies a transaction: small enough that no log of changes grows without end."""

SPREAD = 2654435761
"""Knuth's multiplier: it puts the beginnings of copies' ids far from each other."""

Home = tuple[Path, Mapping[str, Any]]
"""Where a deployment lives, and what its house is told."""

YEARS = 5
"""How long ago the first of the others were referred."""

OWN = {
    "key", "about", "placer", "placer_value", "placer_alike", "fingerprint", "lookup", "member_key", "errand_key",
}  # fmt: skip
"""Columns of text that say who or what a row is about: in a copy they are somebody else's."""


async def measure(
    folder: Path,
    *,
    rounds: int,
    referrals: int,
    sizes: tuple[int, ...],
    databases: tuple[str, ...],
    tell: Any,
    pattern: int = PATTERN,
) -> list[Line]:
    """Cost a referral at each size, in turn, and how many times that of the first."""
    found: dict[tuple[str, int], list[Carried]] = {}
    async with AsyncExitStack() as stack:
        pg = await stack.enter_async_context(postgres())
        homes: dict[tuple[str, int], Home] = {}
        for kind, size in product(databases, sizes):
            homes[kind, size] = folder / f"{kind}-{size}", await pg.home(kind, f"grown{size}")
            tell(f"{kind}: {pattern} referrals, and copies of their rows until there are {size:,}")
            await _grow(homes[kind, size], pattern, size)
        for turn, (kind, size) in product(range(rounds), homes):
            carried = await _carry(homes[kind, size], referrals, past=1_000_000 + 2 * turn * referrals)
            refuse_incomplete(f"{kind} at {size}", carried)
            found.setdefault((kind, size), []).append(carried)
            tell(f"{kind} at {size:,}: {carried.rate:.1f}/s")
    return _lines(found, sizes)


async def _grow(home: Home, pattern: int, size: int) -> None:
    folder, surroundings = home
    async with house(folder, **surroundings) as real:
        await real.prepare(pattern)
        await real.carry(pattern)
        await lay_aside(real.stores)
        await fill(real.stores, 1, size // pattern)


async def _carry(home: Home, referrals: int, past: int) -> Carried:
    """Start the services, let them warm up, and carry so many."""
    folder, surroundings = home
    async with house(folder, **surroundings) as real:
        real.referred = real.registered = past
        for _ in ("to warm up", "to be measured"):
            await real.prepare(referrals)
            carried = await real.carry(referrals)
    return carried


def _lines(found: Mapping[tuple[str, int], Sequence[Carried]], sizes: Sequence[int]) -> list[Line]:
    lines: list[Line] = []
    for (kind, size), rounds in found.items():
        first = found[kind, sizes[0]]
        wall, cpu = _wall(rounds), _cpu(rounds)
        parts = {name: Spread(tuple(each.cpu_ms[name] for each in rounds)).middle for name in rounds[0].cpu_ms}
        against = ", ".join(f"{name} {number(used)}" for name, used in parts.items())
        if size != sizes[0]:
            more = times(wall.middle, _wall(first).middle), times(cpu.middle, _cpu(first).middle)
            against = f"{more[0]} the first, {more[1]} its CPU: {against}"
        lines.append(
            Line("growth", f"a referral with {size:,} in the stores, {kind}", wall, "ms", cpu, against=against)
        )
    return lines


def _wall(rounds: Sequence[Carried]) -> Spread:
    return Spread(tuple(1000 / each.rate for each in rounds))


def _cpu(rounds: Sequence[Carried]) -> Spread:
    return Spread(tuple(sum(each.cpu_ms.values()) for each in rounds))


async def lay_aside(opened: Mapping[str, Any]) -> None:
    """Keep the rows to be copied under other names: what is added later is not copied again."""
    await opened["matching"].run("update supporters set active = false")
    for service, store in opened.items():
        for table in capture.tables(service):
            await store.run(f'create table "pattern_{table.name}" as select * from "{table.name}"')


async def fill(opened: Mapping[str, Any], first: int, last: int) -> None:
    """Copy the pattern under the numbers from `first` up to `last`, and let PostgreSQL look at what it holds."""
    await asyncio.gather(*(_fill_store(service, store, first, last) for service, store in opened.items()))


async def _fill_store(service: str, store: Any, first: int, last: int) -> None:
    for start in range(first, last, CHUNK):
        for table in capture.tables(service):
            await store.run(copying(table, store.dialect, start, min(start + CHUNK, last) - 1))
    # PostgreSQL looks by itself after a while; SQLite never does.
    if last > first and store.dialect == "postgresql":
        await store.run("analyze")


def copying(table: Table, dialect: str, first: int, last: int) -> str:
    """The statement that copies a table's pattern under the numbers `first` to `last`."""
    columns = [each for each in table.columns if not (table.name == "outbox" and each.name == "id")]
    named = ", ".join(f'"{each.name}"' for each in columns)
    values = ", ".join(_value(table, each, dialect) for each in columns)
    numbers = (
        f"generate_series({first}, {last}) as copies(n)"
        if dialect == "postgresql"
        else f"(with recursive copies(n) as (select {first} union all select n + 1 from copies where n < {last}) "
        f"select n from copies) as copies"
    )
    return (
        f'insert into "{table.name}" ({named}) select {values} from {numbers} cross join "pattern_{table.name}" '
        f"where true on conflict do nothing"
    )


def _value(table: Table, column: Any, dialect: str) -> str:
    """A column of a copy: ids lie elsewhere in each, as those of other people do, and belong together as before."""
    name = f'"{column.name}"'
    if isinstance(column.type, Uuid):
        if dialect == "postgresql":
            return f"({_beginning(f'{name}::text', dialect)} || substr({name}::text, 9))::uuid"
        return f"{_beginning(name, dialect)} || substr({name}, 9)"
    if column.name in OWN and isinstance(column.type, Text):
        own = f"{_beginning(name, dialect)} || substr({name}, 9)"
        return f"case when length({name}) >= 32 then {own} else {name} || '~' || n end"
    return name


def _beginning(name: str, dialect: str) -> str:
    """The first eight digits of a copy's id: in an earlier week where the id tells its week, and else anywhere."""
    week = int(clock.real().timestamp()) // WEEK
    anywhere = f"((n + 1) * {SPREAD} % 4294967296)"
    then = f"({week} - 1 - n % {YEARS * 52}) * 65536 + {anywhere} % 65536"
    number = f"case when substr({name}, 1, 4) = '{week:04x}' then {then} else {anywhere} end"
    return f"lpad(to_hex({number}), 8, '0')" if dialect == "postgresql" else f"printf('%08x', {number})"
