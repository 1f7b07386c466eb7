"""Promises about facts: said, carried and heard, each once and in order."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import nats.errors
from nats.aio.client import Client

from deploy.check.books import Books, CannotLook
from deploy.nats.admin import connect
from shared import names
from shared.events.fact import Fact, Timer, catalogue
from shared.events.matching import MatchMade, OfferMade
from shared.events.notifications import ReminderFailed, ReminderSent, ReminderSkipped, RemindersPlanned
from shared.events.scheduling import SeriesBooked, SeriesEnded, SessionCancelled

FACTS = catalogue(*(import_module(f"shared.events.{each}") for each in names.SERVICES))

ONCE: Mapping[str, tuple[str, str]] = {
    OfferMade.type_name(): ("offer", "offer_id"),
    MatchMade.type_name(): ("match", "match_id"),
    SessionCancelled.type_name(): ("cancelled seat", "seat_id"),
    SeriesEnded.type_name(): ("ended series", "series_id"),
    ReminderSent.type_name(): ("ended reminder", "reminder_id"),
    ReminderSkipped.type_name(): ("ended reminder", "reminder_id"),
    ReminderFailed.type_name(): ("ended reminder", "reminder_id"),
}
"""What can happen only once to the thing with that id: facts of one kind of thing exclude one another."""

ALL_IN_ONE: Mapping[str, tuple[str, str, str]] = {
    SeriesBooked.type_name(): ("booked session", "sessions", "session_id"),
    RemindersPlanned.type_name(): ("planned reminder", "reminders", "reminder_id"),
}
"""What one fact tells of several things: as what, in which list, by which id."""

PATIENCE = 3.0
"""Seconds for the broker's answers: whoever asks whether all is well is not kept waiting."""

All = Mapping[str, Books]
Looked = tuple[int, list[str]]


def heard(books: All) -> Looked:
    """This will find what was said and not carried, and what a listener has not come to."""
    wrong = [
        f"{name}: {row['event_id']}" for name, each in books.items() for row in each["outbox"] if not row["sent_at"]
    ]
    count = 0
    for listener, speaker, channel in listeners():
        reached = _reached(books[listener], speaker, channel)
        for key, version in _spoken(books[speaker], channel).items():
            count += 1
            if reached.get(key, 0) < version:
                wrong.append(f"{listener} has not heard {reached.get(key, 0) + 1} of {key} from {speaker}")
    return count, wrong


def listeners() -> list[tuple[str, str, str]]:
    """This will list (listener, speaker, channel) from what the services declare to hear."""
    found = set()
    for listener in names.SERVICES:
        package = import_module(f"services.{listener}")
        for kind in package.HEARS:
            fact = FACTS[kind]
            if not issubclass(fact, Timer):
                found.add((listener, fact.speaker(), channel_of(fact)))
    return sorted(found)


def channel_of(fact: type[Fact]) -> str:
    """This will name the channel a fact is said on: its speaker's, or the sealed one of its only listener."""
    return f"sealed.{fact.SEALED_FOR}" if fact.SEALED_FOR else fact.speaker()


def _reached(listener: Books, speaker: str, channel: str) -> dict[str, int]:
    source = f"sealed.{speaker}" if channel.startswith("sealed.") else speaker
    return {row["key"]: row["version"] for row in listener["heard"] if row["source"] == source}


def _spoken(speaker: Books, channel: str) -> dict[str, int]:
    return {row["key"]: row["version"] for row in speaker["spoken"] if row["channel"] == channel}


def gapless(books: All) -> Looked:
    """This will find keys of which a version is missing or said twice."""
    wrong, count = [], 0
    for name, each in books.items():
        versions: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row in each["outbox"]:
            versions[row["channel"], row["key"]].append(row["version"])
        reach = {(row["channel"], row["key"]): range(row["opens"], row["version"] + 1) for row in each["spoken"]}
        for place in sorted(versions.keys() | reach.keys()):
            count += 1
            if sorted(versions[place]) != list(reach.get(place, ())):
                wrong.append(f"{name}: {place[0]} {place[1]}")
    return count, wrong


def once(books: All) -> Looked:
    """This will find what happened twice, and what a listener heard that nobody said so far."""
    wrong, count = [], 0
    for listener, speaker, channel in listeners():
        spoken, reached = _spoken(books[speaker], channel), _reached(books[listener], speaker, channel)
        count += len(reached)
        wrong += [
            f"{listener} heard more of {key} than was said" for key in reached if reached[key] > spoken.get(key, 0)
        ]
    happened = Counter(each for one in books.values() for each in _happened(one))
    wrong += [f"{what} {times} times" for what, times in sorted(happened.items()) if times > 1]
    return count + len(happened), wrong


def _happened(books: Books) -> Iterator[str]:
    for kind, (what, name) in ONCE.items():
        yield from (f"{what} {body[name]}" for _, body in books.said(kind))
    for kind, (what, several, name) in ALL_IN_ONE.items():
        yield from (f"{what} {each[name]}" for _, body in books.said(kind) for each in body[several])


def stuck(books: All) -> Looked:
    """This will find letters, errands and timers that nothing moves on any more."""
    wrong, count = [], 0
    for name, each in books.items():
        count += len(each["errands"]) + len(each["letters"]) + len(each["timers"])
        wrong += [f"{name}: letter {row['event_id']} is {row['state']}" for row in each["letters"]]
        wrong += [f"{name}: errand {row['errand_key']}" for row in each["errands"] if row["state"] == "stuck"]
        wrong += [
            f"{name}: timer {row['timer_id']}" for row in each["timers"] if row["attempts"] and not row["rung_at"]
        ]
    return count, wrong


async def kept(books: All, url: str, seed: Path) -> Looked:
    """This will find streams that hold less than was carried to them; CannotLook when the broker does not answer."""
    carried = [(name, row) for name, each in books.items() for row in each["carried"]]
    client = await _connect(url, seed)
    try:
        lost = [f"{name}: {row['stream']}" for name, row in carried if not await _is_kept(client, row)]
    except (nats.errors.Error, TimeoutError) as wrong:
        raise CannotLook(f"the broker at {url} stopped answering ({type(wrong).__name__}): look again") from None
    finally:
        await client.close()
    return len(carried), lost


async def _connect(url: str, seed: Path) -> Client:
    try:
        return await asyncio.wait_for(connect(url, seed), timeout=PATIENCE)
    except (nats.errors.Error, OSError, TimeoutError):
        raise CannotLook(f"no broker answers at {url}: is it started?") from None


async def _is_kept(client: Client, carried: Mapping[str, Any]) -> bool:
    answer = await client.request(f"$JS.API.STREAM.INFO.{carried['stream']}", b"", timeout=PATIENCE)
    told = json.loads(answer.data)
    if "error" in told or told["created"] != carried["created"]:
        return False
    return bool(told["state"]["last_seq"] >= carried["sequence"])
