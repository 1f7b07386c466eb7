"""The demo goes on while its broker forgets one thing after another, and ends where the quiet one ends."""

import asyncio
import json
import os
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from deploy.nats.admin import connect
from tests import demos
from tests.demos import Demo, demo
from tests.storms import aftermath
from tests.storms.broken_disk import blocks, cut_short, flip_a_bit

BROKER = "nats-server"
ROUNDS = int(os.environ.get("ROUNDS", "1"))
"""How often each fault happens; `make storms` wants more."""

FORGOT = re.compile(r'^mailbox_forgotten_total\{stream="(\w+)"\} ([\d.e+]+)$', re.MULTILINE)
Fault = Callable[[Demo], None]
State = Mapping[str, Any]


def ask(played: Demo, verb: str) -> dict[str, Any]:
    """What JetStream answers an administrator."""

    async def asked() -> dict[str, Any]:
        client = await connect(played.addresses()["nats"], played.data / "nats" / "keys" / "admin.nk")
        told: dict[str, Any] = json.loads((await client.request(f"$JS.API.{verb}", b"", timeout=5)).data)
        await client.close()
        return told

    return asyncio.run(asked())


def stream(played: Demo, name: str) -> State:
    """What is to be seen of a stream: when it was made, what it holds, and when its reader was made."""
    told = ask(played, f"STREAM.INFO.{name}")
    reader = ask(played, f"CONSUMER.INFO.{name}.scheduling-on-{name.lower()}-0of1")
    return {"created": told["created"], **told["state"], "reader": reader["created"], "again": forgotten(played)[name]}


def disk(played: Demo) -> Path:
    """Where the broker keeps its streams."""
    return played.data / "nats" / "jetstream"


def while_dead(played: Demo, damage: Callable[[], None]) -> None:
    """Stop the broker, damage its disk, and kill it: whoever starts it again finds the damage."""
    broker = played.pids()[BROKER]
    os.kill(broker, signal.SIGSTOP)
    damage()
    os.kill(broker, signal.SIGKILL)


def wiped(played: Demo) -> None:
    while_dead(played, lambda: shutil.rmtree(disk(played)))


def flipped(played: Demo) -> None:
    while_dead(played, lambda: flip_a_bit(blocks(disk(played), "MATCHING")[-1]))


def cut(played: Demo) -> None:
    while_dead(played, lambda: cut_short(blocks(disk(played), "MATCHING")[-1]))


def deleted(played: Demo) -> None:
    assert ask(played, "STREAM.DELETE.MATCHING")["success"]


def unread(played: Demo) -> None:
    assert ask(played, "CONSUMER.DELETE.MATCHING.scheduling-on-matching-0of1")["success"]


def made_again(before: State, after: State) -> bool:
    return bool(before["created"] != after["created"])


def holed(before: State, after: State) -> bool:
    """It is the same stream, and a part of it had to be said again."""
    return bool(before["created"] == after["created"] and after["again"] > before["again"])


def read_anew(before: State, after: State) -> bool:
    return bool(before["reader"] != after["reader"])


FAULTS: dict[str, tuple[Fault, Callable[[State, State], bool]]] = {
    "wiped": (wiped, made_again),
    "bit flipped": (flipped, holed),
    "stream deleted": (deleted, made_again),
    "consumer deleted": (unread, read_anew),
    "cut short": (cut, holed),
}
"""What happens to the broker, and how it is seen to have happened."""


@dataclass(frozen=True)
class Storm:
    """A demo that lived through faults: which of them were seen, and how long it took to come to rest afterwards."""

    demo: Demo
    seen: Counter[str]
    seconds_to_rest: float


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What the same demo counts when nobody disturbs it."""
    return demos.quiet_summary(tmp_path_factory.mktemp("quiet"))


@pytest.fixture(scope="module")
def storm(quiet: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    """The demo with every fault in turn, left live when the play is over."""
    with demo(tmp_path_factory.mktemp("storm")) as played:
        seen = forget_in_turn(played)
        played.until_live()
        yield Storm(played, seen, aftermath.seconds_until_rest(played))


def forget_in_turn(played: Demo) -> Counter[str]:
    """Let the broker forget one thing after another, each as soon as everybody has got over the one before."""
    chance, seen = Random(demos.SEED), Counter[str]()
    until_well(played)
    for name in [*FAULTS] * ROUNDS:
        time.sleep(chance.uniform(0.2, 1.0))
        fault, happened = FAULTS[name]
        before = stream(played, "MATCHING")
        fault(played)
        until_well(played, partial(happened, before))
        seen[name] += 1
    return seen


def until_well(played: Demo, happened: Callable[[State], bool] = bool, within: float = 60.0) -> None:
    """Wait until everybody is there again, and it shows that the fault happened."""
    deadline = time.monotonic() + within
    while not (is_well(played) and happened(stream(played, "MATCHING"))):
        assert played.process.poll() is None, played.last_words()
        assert time.monotonic() < deadline, f"not got over it within {within:.0f} s: {played.last_words()}"
        time.sleep(0.1)


def is_well(played: Demo) -> bool:
    """Whether everybody is there, and the broker has all its streams and readers."""
    if not all(each in played.pids() and played.is_ready(each) for each in (*demos.SERVICES, BROKER)):
        return False
    try:
        return stream(played, "MATCHING")["messages"] > 20
    except (KeyError, OSError, TimeoutError):
        return False


def forgotten(played: Demo) -> Counter[str]:
    """How many facts were said again, by stream."""
    found = Counter[str]()
    for url in played.addresses()["services"].values():
        for name, many in FORGOT.findall(httpx.get(f"{url}/metrics", trust_env=False).text):
            found[name] += int(float(many))
    return found


def test_each_fault_happened_and_everything_came_to_rest(storm: Storm) -> None:
    said_again = forgotten(storm.demo)

    assert storm.seen == dict.fromkeys(FAULTS, ROUNDS)
    assert {"REFERRALS", "MATCHING", "SCHEDULING", "NOTIFICATIONS", "SEALED"} <= set(+said_again)
    assert storm.seconds_to_rest < 30


def test_check_finds_nothing_wrong_after_the_faults(storm: Storm) -> None:
    aftermath.check_is_clean(storm.demo)


def test_no_reminder_was_lost_or_sent_twice(storm: Storm) -> None:
    aftermath.every_reminder_was_sent_once(storm.demo)


def test_the_same_world_was_taken_in_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    aftermath.as_many_were_taken_in(storm.demo, quiet)


def test_everybody_who_was_accepted_is_cared_for_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    aftermath.everybody_is_cared_for(storm.demo, quiet)
