"""Tries the rivals' settings on this machine, so that each is measured at its best."""

from pathlib import Path
from typing import Any

from tests.bench import rivals
from tests.bench.carrying import captured
from tests.bench.figures import Line, rate
from tests.bench.house import house
from tests.bench.postgres import postgres

DBOS = [
    {"processes": processes, "workers": workers, "how": how}
    for how in ("steps", "transactions")
    for processes, workers in ((1, 8), (2, 4), (2, 8), (2, 16), (3, 8))
]
CELERY = [{"processes": processes, "prefetch": prefetch} for processes in (2, 3, 4, 8) for prefetch in (1, 4)]
PATTERN = 50


async def measure(folder: Path, *, referrals: int, tell: Any) -> list[Line]:
    """One round with each setting, after one to warm up."""
    found = []
    async with postgres() as pg:
        async with house(folder / "house", **await pg.home("postgresql", "house")) as real:
            work = await captured(real, PATTERN)
        for number, how in enumerate(DBOS):
            system = await pg.database(f"system_{number}")
            way = rivals.dbos(
                folder / f"dbos-{number}", work, system, **await pg.home("postgresql", f"d{number}"), **how
            )
            found.append(await _try(way, f"DBOS {how}", referrals, tell))
        for number, how in enumerate(CELERY):
            way = rivals.celery(folder / f"celery-{number}", work, **await pg.home("postgresql", f"c{number}"), **how)
            found.append(await _try(way, f"Celery {how}", referrals, tell))
    return found


async def _try(way: Any, name: str, referrals: int, tell: Any) -> Line:
    async with way as rival:
        await rival.carry(PATTERN)
        carried = await rival.carry(referrals)
    tell(f"{name}: {carried.rate:.1f}/s, {sum(carried.cpu_ms.values()):.1f} CPU ms")
    return rate("tune", name, [carried])
