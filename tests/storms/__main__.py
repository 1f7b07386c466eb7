"""Runs every storm at length, `make storms`: the same tests as in CI, with more people, faults, seeds and seconds.

A knob that is set in the environment is left as it is. Results go to build/storms.json, and a table to the terminal.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "storms.json"
console = Console()


@dataclass(frozen=True)
class Part:
    """Some tests, and the knobs that make them long."""

    name: str
    paths: tuple[str, ...]
    knobs: dict[str, str] = field(default_factory=dict)


PARTS = (
    Part("every process killed", ("tests/storms/test_kills.py",), {"PEOPLE": "200", "KILLS": "100"}),
    Part("the broker forgets", ("tests/storms/test_amnesia_demo.py",), {"PEOPLE": "200", "STORM_ROUNDS": "10"}),
    Part("power fails", ("tests/storms/test_power.py",), {"PEOPLE": "200", "STORM_ROUNDS": "5"}),
    Part(
        "single losses, and what check finds",
        ("tests/storms/test_amnesia.py", "tests/storms/test_losses.py", "tests/storms/test_check.py"),
    ),
    Part("bookings race", ("tests/scheduling/test_storm.py",), {"BOOKING_ROUNDS": "20"}),
    Part(
        "bad input",
        (
            *("tests/referrals/test_noise.py", "tests/scheduling/test_noise.py"),
            *("tests/referrals/test_bad_input.py", "tests/outside/test_documents.py"),
        ),
        {"NOISE": "20000", "ALONGSIDE_FUZZ_ROUNDS": "2000"},
    ),
    Part("simulated days", ("tests/simulation",), {"SEEDS": "20000"}),
    Part("what the mailbox promises", ("tests/shared",), {"AWAY_SECONDS": "60", "AWAY_LETTERS": "10000"}),
)


@dataclass(frozen=True)
class Result:
    """What became of a part: how many tests, which failed, why some were skipped, and what they counted."""

    name: str
    knobs: dict[str, str]
    seconds: float
    passed: int
    failed: list[str]
    skipped: list[str]
    counted: dict[str, str]

    @property
    def good(self) -> bool:
        """Whether something was tried, and nothing failed."""
        return bool(self.passed) and not self.failed


def run(part: Part, log: Path) -> Result:
    """Run a part's tests, everything they print going to a log."""
    told = log.with_suffix(".xml")
    knobs = {name: os.environ.get(name, usual) for name, usual in part.knobs.items()}
    command = [sys.executable, "-m", "pytest", *part.paths, f"--junitxml={told}", "-o", "junit_family=xunit1"]
    begun = time.monotonic()
    with log.open("wb") as out:
        subprocess.run(command, cwd=ROOT, env={**os.environ, **knobs}, stdout=out, stderr=subprocess.STDOUT)
    return judged(part.name, knobs, time.monotonic() - begun, told)


def judged(name: str, knobs: dict[str, str], seconds: float, told: Path) -> Result:
    """Read what pytest wrote about a part; a file that is not there is a failure."""
    if not told.exists():
        return Result(name, knobs, seconds, 0, ["pytest itself"], [], {})
    cases = list(ElementTree.parse(told).getroot().iter("testcase"))
    failed = [f"{each.get('classname')}.{each.get('name')}" for each in cases if _has(each, "failure", "error")]
    skipped = sorted({reason.get("message", "") for each in cases for reason in each.iter("skipped")})
    counted = {each.get("name", ""): each.get("value", "") for case in cases for each in case.iter("property")}
    passed = sum(not _has(each, "failure", "error", "skipped") for each in cases)
    return Result(name, knobs, round(seconds, 1), passed, failed, skipped, counted)


def _has(case: ElementTree.Element, *kinds: str) -> bool:
    return any(case.find(each) is not None for each in kinds)


def keep(results: Sequence[Result]) -> None:
    """Write down what was found so far, and on what machine."""
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    RESULTS.write_text(json.dumps({"machine": machine, "parts": [asdict(each) for each in results]}, indent=2) + "\n")


def table(results: Sequence[Result]) -> Table:
    """Show what was found, a line for each part."""
    shown = Table("storm", "at", "passed", "failed", "skipped", "minutes", "counted")
    for each in results:
        at = " ".join(f"{name}={value}" for name, value in each.knobs.items())
        counted = ", ".join(f"{value} {name}" for name, value in each.counted.items())
        skipped = "; ".join(each.skipped)
        shown.add_row(
            each.name, at, str(each.passed), "\n".join(each.failed), skipped, f"{each.seconds / 60:.1f}", counted
        )
    return shown


def main(wanted: Sequence[str]) -> int:
    """Run the parts that have one of the words in their names, or all."""
    if unknown := [each for each in wanted if not any(each in part.name.split() for part in PARTS)]:
        console.print(f"No storm is called {' or '.join(unknown)}: there are {'; '.join(each.name for each in PARTS)}.")
        return 2
    RESULTS.parent.mkdir(exist_ok=True)
    results: list[Result] = []
    for number, part in enumerate(PARTS):
        if wanted and not set(wanted) & set(part.name.split()):
            continue
        log = RESULTS.with_name(f"storm-{number}.log")
        console.print(f"{part.name}: {log.relative_to(ROOT)}")
        results.append(run(part, log))
        keep(results)
    console.print(table(results))
    return 0 if results and all(each.good for each in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
