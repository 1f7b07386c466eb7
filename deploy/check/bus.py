"""Promises about facts: said, carried and heard, each once and in order."""

import json
from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from deploy.check.books import Books
from deploy.world import conductor
from shared import names

TIMERS = ("-fell-due.v1", "-unrecorded.v1")
"""Facts that come back to their own speaker without travelling."""

All = Mapping[str, Books]
Looked = tuple[int, list[str]]


def heard(books: All) -> Looked:
    """This will find what was said and not carried, and what a listener has not come to."""
    wrong = [
        f"{name}: {row['event_id']}" for name, each in books.items() for row in each["outbox"] if not row["sent_at"]
    ]
    count = 0
    for listener, speaker, channel in _listeners():
        source = f"sealed.{speaker}" if channel.startswith("sealed.") else speaker
        reached = {row["key"]: row["version"] for row in books[listener]["heard"] if row["source"] == source}
        for row in books[speaker]["spoken"]:
            if row["channel"] == channel:
                count += 1
                if reached.get(row["key"], 0) != row["version"]:
                    wrong.append(f"{listener} heard {reached.get(row['key'], 0)} of {row['version']} of {row['key']}")
    return count, wrong


def _listeners() -> list[tuple[str, str, str]]:
    """This will list (listener, speaker, channel) from what the services declare to hear."""
    found = set()
    for listener in names.SERVICES:
        package = import_module(f"services.{listener}")
        for kind in package.HEARS:
            speaker = kind.split(".")[0]
            if speaker == listener and kind.endswith(TIMERS):
                continue
            sealed = kind.split(".")[1] in ("contact-shared", "coverage-shared")
            found.add((listener, speaker, f"sealed.{listener}" if sealed else speaker))
    return sorted(found)


def gapless(books: All) -> Looked:
    """This will find keys of which a version is missing or said twice."""
    wrong, count = [], 0
    for name, each in books.items():
        versions: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row in each["outbox"]:
            versions[row["channel"], row["key"]].append(row["version"])
        for row in each["spoken"]:
            count += 1
            said = sorted(versions.get((row["channel"], row["key"]), []))
            if said != list(range(row["opens"], row["version"] + 1)):
                wrong.append(f"{name}: {row['channel']} {row['key']}")
    return count, wrong


def once(books: All) -> Looked:
    """This will find letters that a listener claims to have heard and that nobody ever said so far."""
    wrong, count = [], 0
    for listener, speaker, channel in _listeners():
        source = f"sealed.{speaker}" if channel.startswith("sealed.") else speaker
        spoken = {row["key"]: row["version"] for row in books[speaker]["spoken"] if row["channel"] == channel}
        for row in books[listener]["heard"]:
            if row["source"] == source:
                count += 1
                if row["version"] > spoken.get(row["key"], 0):
                    wrong.append(f"{listener} heard {row['key']} of {source} further than it was said")
    return count, wrong


def stuck(books: All) -> Looked:
    """This will find dead letters and errands that came to no end."""
    wrong, count = [], 0
    for name, each in books.items():
        count += len(each["errands"]) + len(each["letters"])
        wrong += [f"{name}: letter {row['event_id']}" for row in each["letters"] if row["state"] == "dead"]
        wrong += [f"{name}: errand {row['errand_key']}" for row in each["errands"] if row["state"] == "stuck"]
    return count, wrong


async def kept(books: All, url: str, seed: Path) -> Looked:
    """This will find streams that hold less than was carried to them."""
    client = await conductor.connect(url, seed)
    wrong, count = [], 0
    for name, each in books.items():
        for row in each["carried"]:
            count += 1
            answer = await client.request(f"$JS.API.STREAM.INFO.{row['stream']}", b"", timeout=5)
            told = json.loads(answer.data)
            if "error" in told or told["created"] != row["created"] or told["state"]["last_seq"] < row["sequence"]:
                wrong.append(f"{name}: {row['stream']}")
    await client.close()
    return count, wrong
