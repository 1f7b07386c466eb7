"""Part 5: what a referral costs when a thousand, ten thousand, a hundred thousand went before it."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Table, Text, Uuid

from tests.bench import capture
from tests.bench.carrying import refuse_incomplete
from tests.bench.figures import Line, Spread, times
from tests.bench.house import Carried, house
from tests.bench.postgres import postgres

PATTERN = 200
"""Referrals carried for real, whose rows are then copied."""

CHUNK = 25
"""Copies a transaction: small enough that no log of changes grows without end."""

SPREAD = 2654435761
"""Knuth's multiplier: it puts the beginnings of copies' ids far from each other."""

OWN = {"key", "about", "placer", "placer_value", "fingerprint", "lookup", "member_key", "errand_key"}
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
    """Cost a referral at each size, and how many times that of the first."""
    found: dict[tuple[str, int], list[Carried]] = {}
    async with AsyncExitStack() as stack:
        pg = await stack.enter_async_context(postgres())
        for kind in databases:
            home = await pg.home(kind, "grown")
            async with house(folder / kind, **home) as real:
                await real.prepare(pattern)
                await real.carry(pattern)
                await lay_aside(real.stores)
            held = pattern
            for size in sizes:
                async with house(folder / kind, **home) as real:
                    tell(f"copying rows until there are {size:,} referrals")
                    await fill(real.stores, held // pattern, size // pattern)
                    held = max(held, size)
                async with house(folder / kind, **home) as real:
                    real.referred = real.registered = 1_000_000 + size
                    await real.prepare(referrals)
                    await real.carry(referrals)
                    for _ in range(rounds):
                        await real.prepare(referrals)
                        carried = await real.carry(referrals)
                        refuse_incomplete(f"{kind} at {size}", carried)
                        found.setdefault((kind, size), []).append(carried)
                    held += (rounds + 1) * referrals
                tell(f"{kind} at {size:,}: {found[kind, size][-1].rate:.1f}/s")
    return _lines(found, sizes)


def _lines(found: dict[tuple[str, int], list[Carried]], sizes: tuple[int, ...]) -> list[Line]:
    lines: list[Line] = []
    for (kind, size), rounds in found.items():
        wall = Spread(tuple(1000 / each.rate for each in rounds))
        cpu = Spread(tuple(sum(each.cpu_ms.values()) for each in rounds))
        what = f"a referral with {size:,} in the stores, {kind}"
        first = next((each for each in lines if each.what.endswith(f"with {sizes[0]:,} in the stores, {kind}")), None)
        against = ""
        if first and first.cpu_ms:
            against = (
                f"{times(wall.middle, first.value.middle)} the first, {times(cpu.middle, first.cpu_ms.middle)} its CPU"
            )
        lines.append(Line("growth", what, wall, "ms", cpu, against=against))
    return lines


async def lay_aside(opened: Mapping[str, Any]) -> None:
    """Keep the rows to be copied under other names: what is added later is not copied again."""
    await opened["matching"].run("update supporters set active = false")
    for service, store in opened.items():
        for table in capture.tables(service):
            await store.run(f'create table "pattern_{table.name}" as select * from "{table.name}"')


async def fill(opened: Mapping[str, Any], first: int, last: int) -> None:
    """Copy the pattern under the numbers from `first` up to `last`, and let the databases look at what they hold."""
    await asyncio.gather(*(_fill_store(service, store, first, last) for service, store in opened.items()))


async def _fill_store(service: str, store: Any, first: int, last: int) -> None:
    for start in range(first, last, CHUNK):
        for table in capture.tables(service):
            await store.run(copying(table, store.dialect, start, min(start + CHUNK, last) - 1))
    if last > first:
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
    """A column of a copy: ids begin elsewhere in each, as those of other people do, and belong together as before."""
    name = f'"{column.name}"'
    there = f"((n + 1) * {SPREAD} % 4294967296)"
    beginning = f"lpad(to_hex({there}), 8, '0')" if dialect == "postgresql" else f"printf('%08x', {there})"
    if isinstance(column.type, Uuid):
        if dialect == "postgresql":
            return f"({beginning} || substr({name}::text, 9))::uuid"
        return f"{beginning} || substr({name}, 9)"
    if column.name in OWN and isinstance(column.type, Text):
        return f"case when length({name}) >= 32 then {beginning} || substr({name}, 9) else {name} || '~' || n end"
    return name
