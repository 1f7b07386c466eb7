"""The profile: where each service's CPU goes in a round of part 1, and how many statements a referral takes."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared import names
from tests.bench import flame
from tests.bench.carrying import refuse_incomplete
from tests.bench.figures import number
from tests.bench.house import Carried, house
from tests.bench.postgres import postgres

WATCHED = Path(__file__).parent / "watched"
ROOT = Path(__file__).resolve().parents[2]
MOST = 25


@dataclass(frozen=True)
class Profile:
    """One database's profile: the round that was watched, samples and counts by service."""

    kind: str
    carried: Carried
    seen: Mapping[str, flame.Seen]
    counted: Mapping[str, Any]

    def plain(self) -> dict[str, Any]:
        """For JSON: CPU milliseconds a referral by process and area, and statements."""
        count = self.carried.referrals
        return {
            "cpu_ms_by_process": self.carried.cpu_ms,
            "areas_ms": {
                name: {area: used / 1000 / count for area, used in each.areas.most_common()}
                for name, each in self.seen.items()
            },
            "statements": {name: sum(each["statements"].values()) / count for name, each in self.counted.items()},
            "transactions": {
                name: {what: times / count for what, times in each["transactions"].items()}
                for name, each in self.counted.items()
            },
        }


async def measure(folder: Path, *, referrals: int, databases: tuple[str, ...], tell: Any) -> list[Profile]:
    """A watched round on each database, after one to warm up."""
    found = []
    async with AsyncExitStack() as stack:
        pg = await stack.enter_async_context(postgres())
        for kind in databases:
            watch = folder / f"watch-{kind}"
            watch.mkdir(parents=True)
            paths = ("BENCH_WATCH", str(watch)), ("PYTHONPATH", f"{WATCHED}:{ROOT}")
            async with house(folder / kind, extra=paths, **await pg.home(kind, "watched")) as real:
                await real.prepare(referrals)
                await real.carry(referrals)
                await real.prepare(referrals)
                (watch / "on").touch()
                await asyncio.sleep(0.5)
                carried = await real.carry(referrals)
                (watch / "on").unlink()
                await _written(watch)
            refuse_incomplete(kind, carried)
            tell(f"{kind}: watched {referrals} referrals")
            seen = {each: flame.read(watch / f"{each}.txt") for each in names.SERVICES}
            counted = {each: json.loads((watch / f"{each}.json").read_text()) for each in names.SERVICES}
            found.append(Profile(kind, carried, seen, counted))
    return found


async def _written(watch: Path, within: float = 20.0) -> None:
    for _ in range(int(within / 0.1)):
        if all((watch / f"{each}.txt").exists() for each in names.SERVICES):
            await asyncio.sleep(0.5)
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("a watched service wrote nothing down")


def markdown(profile: Profile) -> str:
    """The profile as tables."""
    count = profile.carried.referrals
    parts = [f"### {profile.kind}: CPU a referral, in ms\n", _by_process(profile), _by_area(profile, count)]
    for name in names.SERVICES:
        parts += [f"#### {name}\n", _functions(profile.seen[name], count), _statements(profile.counted[name], count)]
    return "\n".join(parts)


def _by_process(profile: Profile) -> str:
    told = profile.carried.cpu_ms
    return "\n".join(
        [
            f"| {' | '.join(told)} | sum |",
            "|" + "---:|" * (len(told) + 1),
            f"| {' | '.join(map(number, told.values()))} | {number(sum(told.values()))} |\n",
        ]
    )


def _by_area(profile: Profile, count: int) -> str:
    areas = sorted({area for each in profile.seen.values() for area in each.areas})
    sums = {area: sum(each.areas[area] for each in profile.seen.values()) for area in areas}
    lines = [
        "| area | " + " | ".join(names.SERVICES) + " | all | share |",
        "|---|" + "---:|" * (len(names.SERVICES) + 2),
    ]
    whole = sum(sums.values()) or 1
    for area in sorted(areas, key=lambda each: -sums[each]):
        cells = [number(profile.seen[name].areas[area] / 1000 / count) for name in names.SERVICES]
        lines.append(
            f"| {area} | {' | '.join(cells)} | {number(sums[area] / 1000 / count)} | {100 * sums[area] / whole:.0f} % |"
        )
    counted = [sum(profile.counted[name]["statements"].values()) / count for name in names.SERVICES]
    lines.append(f"| *statements* | {' | '.join(map(number, counted))} | {number(sum(counted))} | |")
    commits = [profile.counted[name]["transactions"].get("commit", 0) / count for name in names.SERVICES]
    lines.append(f"| *commits* | {' | '.join(map(number, commits))} | {number(sum(commits))} | |\n")
    return "\n".join(lines)


def _functions(seen: flame.Seen, count: int) -> str:
    lines = ["| ms alone | function | ms with all it calls | function |", "|---:|---|---:|---|"]
    alone, altogether = seen.alone.most_common(MOST), seen.altogether.most_common(2 * MOST)[-MOST:]
    for one, other in zip(alone, altogether, strict=False):
        cells = (f"{number(used / 1000 / count)} | `{name}`" for name, used in (one, other))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _statements(counted: Mapping[str, Any], count: int) -> str:
    lines = ["| times | rows | statement |", "|---:|---:|---|"]
    found = sorted(counted["statements"].items(), key=lambda each: -each[1])[:15]
    for text, times in found:
        lines.append(f"| {number(times / count)} | {number(counted['rows'][text] / count)} | `{text[:110]}` |")
    return "\n".join(lines) + "\n"
