"""Measures Alongside beside the floor and its rivals: `python -m tests.bench [PART ...] --rounds N --referrals N`.

Parts: `carry` (the real services, the floor, DBOS and Celery), `latency`, `backlog`, `growth`, `rest`, `reading` (each
dialect, on one core), `creating` (over HTTP), `profile`, and `tune`, which tries the rivals' settings. Without one,
everything but `profile` and `tune` is measured.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console

from tests.bench import carrying, growing, machine, profiling, report, resting, taking_in, tuning, waiting
from tests.bench.carrying import Wanted
from tests.bench.figures import Line
from tests.servers import postgres_binaries

EVERYTHING = ("carry", "latency", "backlog", "growth", "rest", "reading", "creating")
PARTS = (*EVERYTHING, "profile", "tune")
NEED_NO_POSTGRESQL = {"reading"}
console = Console(stderr=True)
WIDTH = 170
"""Columns of the table where it is written to a file."""


@dataclass
class Found:
    """What has been measured so far."""

    lines: list[Line]
    more: dict[str, Any]
    profile: str = ""
    failed: list[str] = field(default_factory=list)


def asked(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line; `--quick` asks for little of everything."""
    reader = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    reader.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    reader.add_argument("--rounds", type=int, default=5)
    reader.add_argument("--referrals", type=int, help="referrals a round (500)")
    reader.add_argument("--singles", type=int, help="singles a round of latency (200)")
    reader.add_argument("--backlog", type=int, help="how many wait (10000)")
    reader.add_argument("--sizes", type=_sizes, help="referrals in the stores (1000,10000,100000)")
    reader.add_argument("--databases", type=lambda text: tuple(text.split(",")), default=("sqlite", "postgresql"))
    reader.add_argument("--no-rivals", action="store_true", help="leave DBOS and Celery out")
    reader.add_argument("--quick", action="store_true", help="little of everything, to see that it runs")
    reader.add_argument("--out", type=Path, default=Path("data/bench"), help="where the results go")
    told = reader.parse_args(argv)
    if unknown := set(told.parts) - set(PARTS):
        reader.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    usual: dict[str, Any] = {"referrals": 500, "singles": 200, "backlog": 10_000, "sizes": (1000, 10_000, 100_000)}
    quick: dict[str, Any] = {"referrals": 60, "singles": 30, "backlog": 300, "sizes": (200, 1000)}
    for name, value in (quick if told.quick else usual).items():
        if getattr(told, name) is None:
            setattr(told, name, value)
    told.parts = told.parts or list(EVERYTHING)
    if set(told.parts) - NEED_NO_POSTGRESQL and not postgres_binaries():
        reader.error("PostgreSQL is missing, which is measured beside: install it (Debian: apt-get install postgresql)")
    return told


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


async def measure(told: argparse.Namespace, folder: Path, tell: Any) -> Found:
    """Every part that was asked for, one after another; what a part could not measure takes nothing from the others."""
    found = Found([], {})
    for part in told.parts:
        tell(f"[bold]{part}[/bold]")
        _made(folder / part)
        try:
            await _measure(part, told, folder / part, tell, found)
        except Exception:
            console.print_exception(max_frames=4)
            found.failed.append(part)
    return found


async def _measure(part: str, told: argparse.Namespace, folder: Path, tell: Any, found: Found) -> None:
    common: dict[str, Any] = {"databases": told.databases, "tell": tell}
    if part == "carry":
        warm_up = min(100, told.referrals)
        wanted = Wanted(told.rounds, told.referrals, warm_up, told.databases, with_rivals=not told.no_rivals)
        lines, more = await carrying.measure(folder, wanted, tell)
        found.lines += lines
        found.more |= more
    elif part == "latency":
        found.lines += await waiting.singles(folder, rounds=told.rounds, count=told.singles, **common)
    elif part == "backlog":
        found.lines += await waiting.backlog(folder, rounds=told.rounds, count=told.backlog, **common)
    elif part == "growth":
        some = {"rounds": told.rounds, "referrals": min(told.referrals, 200), "sizes": told.sizes}
        found.lines += await growing.measure(folder, pattern=min(200, told.sizes[0]), **some, **common)
    elif part == "rest":
        some = {"seconds": 5.0, "after": 40} if told.quick else {}
        found.lines += await resting.measure(folder, rounds=told.rounds, **some, **common)
    elif part == "reading":
        found.lines += taking_in.reading(rounds=told.rounds, tell=tell)
    elif part == "creating":
        found.lines += await taking_in.creating(folder, rounds=told.rounds, count=2 * told.referrals, **common)
    elif part == "tune":
        found.lines += await tuning.measure(folder, referrals=told.referrals, tell=tell)
    else:
        profiles = await profiling.measure(folder, referrals=told.referrals, **common)
        found.more["profile"] = {each.kind: each.plain() for each in profiles}
        found.profile = "\n".join(map(profiling.markdown, profiles))


def _made(folder: Path) -> None:
    folder.mkdir(parents=True)


def main(argv: Sequence[str]) -> int:
    """Measure what was asked for, print the one table, and leave the rest in a folder; 1 when a part failed."""
    told = asked(argv)
    note = {**machine.note(), "command": " ".join(["python -m tests.bench", *argv])}
    with tempfile.TemporaryDirectory(prefix="alongside-bench-") as folder:
        # PostgreSQL runs as somebody else, who has to pass through.
        Path(folder).chmod(0o755)
        found = uvloop.run(measure(told, Path(folder), lambda text: console.print(f"  {text}", highlight=False)))
    note["postgresql"] = found.more.pop("postgresql", {})
    note["load_average_after"] = machine.note()["load_average"]
    if found.lines:
        wide = None if sys.stdout.isatty() else WIDTH
        Console(width=wide).print(report.table(found.lines))
    paths = report.write(told.out, found.lines, note, found.more)
    if found.profile:
        paths.append(told.out / "profile.md")
        paths[-1].write_text(found.profile)
    console.print("  " + ", ".join(map(str, paths)), highlight=False)
    if found.failed:
        console.print(f"  not measured: {', '.join(found.failed)}", style="red")
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
