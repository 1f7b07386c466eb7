"""Reads what a sampling profiler saw: where a service's CPU goes, by area of work and by function."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

AREAS: tuple[tuple[str, str], ...] = (
    ("seal, keys, ids", r"shared/sealed\.py|cryptography/|hmac\.py|/uuid\.py|hashlib"),
    ("json, pydantic", r"/json/|pydantic|strict_json\.py|events/fact\.py|mailbox/letter\.py"),
    ("driver", r"asyncpg|aiosqlite|shared/sqlite\.py|sqlite3|dialects/sqlite/aiosqlite|dialects/postgresql/asyncpg"),
    ("SQLAlchemy", r"sqlalchemy"),
    ("publish", r"mailbox/relay\.py"),
    ("metrics", r"prometheus_client|mailbox/meters\.py|opentelemetry"),
    ("fhir, hl7", r"services/\w+/(fhir|hl7)"),
    ("rules", r"services/\w+/rules|numpy|scipy|shared/calendar\.py|zoneinfo|dateutil"),
    ("handlers, stores", r"services/\w+/(handlers|store)|shared/(work|consents|sites)\.py"),
    ("http", r"fastapi|starlette|uvicorn|httptools|aiohttp|shared/(edge|pages|callers)\.py|services/\w+/http"),
    ("mailbox", r"shared/mailbox/(box|gate|outbox|switchboard|aside|timers|errands|loop|said)\.py"),
    ("consume, ack", r"mailbox/(pull|listening)\.py|faststream|nats/"),
    ("event loop", r"uvloop|asyncio/|threading\.py|concurrent/"),
)
"""Frames are asked from the innermost outwards; the first that belongs to an area gives the sample to it."""

PASSED_THROUGH = re.compile(r"asyncio/|uvloop|threading\.py|concurrent/|contextlib|nats/|uuid\.py|enum\.py")
"""Frames of whoever called: they give a sample away only when nobody further out takes it."""

FOLDERS = re.compile(r".*?/(?:site-packages|python3\.\d+)/|^.*?/(?=services/|shared/|deploy/)")
FRAME = re.compile(r"^(?P<name>.+) \((?P<file>[^)]*?)(?::\d+)?\)$")


@dataclass(frozen=True)
class Seen:
    """A process's samples: by area, and by function alone and with all it called."""

    samples: int
    areas: Counter[str]
    alone: Counter[str]
    altogether: Counter[str]


def read(path: Path) -> Seen:
    """Read stacks as `py-spy record --format raw` writes them."""
    areas, alone, altogether = Counter[str](), Counter[str](), Counter[str]()
    for frames, count in stacks(path):
        areas[area(frames)] += count
        alone[frames[-1]] += count
        altogether.update(dict.fromkeys(frames, count))
    return Seen(sum(areas.values()), areas, alone, altogether)


def stacks(path: Path) -> Iterator[tuple[list[str], int]]:
    """Each stack, outermost first, with how often it was seen."""
    for line in path.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [short(each) for each in stack.split(";") if not each.startswith("process ")]
        if frames:
            yield frames, int(count)


def short(frame: str) -> str:
    """`run (uvloop/__init__.py)`: a frame without line and without where Python is installed."""
    found = FRAME.match(frame)
    if not found:
        return frame
    return f"{found['name']} ({FOLDERS.sub('', found['file'])})"


def area(frames: list[str]) -> str:
    """Which kind of work a stack is."""
    for passing in (False, True):
        for each in reversed(frames):
            if PASSED_THROUGH.search(each) and not passing:
                continue
            for name, pattern in AREAS:
                if re.search(pattern, each):
                    return name
    return "other"
