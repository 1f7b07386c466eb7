"""The demo goes on while its broker forgets one thing after another, and ends where the quiet one ends."""

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import nats.errors
import pytest

from tests import demos
from tests.demos import Demo, demo
from tests.storms import aftermath, witness
from tests.storms.broken_disk import blocks, cut_short, flip_a_bit
from tests.storms.witness import BROKER, Shows

STREAM, CONSUMER = witness.STREAM, witness.CONSUMER
PAUSE = f"CONSUMER.PAUSE.{STREAM}.{CONSUMER}"
ROUNDS = int(os.environ.get("STORM_ROUNDS", "1"))
"""How often each fault happens; `make storms` wants more."""


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
    while_dead(played, lambda: flip_a_bit(blocks(disk(played), STREAM)[-1]))


def cut(played: Demo) -> None:
    while_dead(played, lambda: cut_short(blocks(disk(played), STREAM)[-1]))


def deleted(played: Demo) -> None:
    assert witness.ask(played, f"STREAM.DELETE.{STREAM}")["success"]


def unread(played: Demo) -> None:
    assert witness.ask(played, f"CONSUMER.DELETE.{STREAM}.{CONSUMER}")["success"]


FAULTS: dict[str, tuple[Callable[[Demo], None], Shows]] = {
    "wiped": (wiped, witness.made_again),
    "bit flipped": (flipped, witness.holed),
    "stream deleted": (deleted, witness.made_again),
    "consumer deleted": (unread, witness.read_anew),
    "cut short": (cut, witness.holed),
}
"""What happens to the broker, and how it is seen to have happened."""


@contextmanager
def unheard(played: Demo, chance: Random) -> Iterator[int]:
    """Let the listener hear nothing until facts wait for it that only the broker and their speaker have; count them."""
    witness.ask(played, PAUSE, {"pause_until": "2100-01-01T00:00:00Z"})
    while not (waiting := _waiting(played)) and not played.is_live():
        time.sleep(chance.uniform(0.05, 0.3))
    try:
        yield waiting
    finally:
        _hear_again(played)


def _hear_again(played: Demo, within: float = 30.0) -> None:
    """End the pause as soon as the broker answers; where the consumer was lost, its pause was too."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        with suppress(OSError, TimeoutError, nats.errors.Error):
            witness.ask(played, PAUSE, {})
            return
        time.sleep(0.1)


def _waiting(played: Demo) -> int:
    return int(witness.ask(played, f"CONSUMER.INFO.{STREAM}.{CONSUMER}")["num_pending"])


@dataclass(frozen=True)
class Storm:
    """A demo that lived through faults: which were seen, and how much nobody had heard when it was lost."""

    demo: Demo
    seen: Counter[str]
    unheard: int
    seconds_to_rest: float


@pytest.fixture(scope="module")
def storm(quiet: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    """The demo with every fault in turn, left live when the play is over."""
    with demo(tmp_path_factory.mktemp("storm")) as played:
        seen, lost = forget_in_turn(played)
        played.until_live()
        yield Storm(played, seen, lost, aftermath.seconds_until_rest(played))


def forget_in_turn(played: Demo) -> tuple[Counter[str], int]:
    """Let the broker forget one thing after another, each as soon as everybody has got over the one before."""
    chance, seen, lost = Random(demos.SEED), Counter[str](), 0
    witness.until_well(played)
    for name in [*FAULTS] * ROUNDS:
        time.sleep(chance.uniform(0.2, 1.0))
        fault, shows = FAULTS[name]
        before = witness.state(played)
        with unheard(played, chance) as waiting:
            fault(played)
        witness.until_well(played, partial(shows, before))
        seen[name] += 1
        lost += waiting
    return seen, lost


def test_each_fault_happened_and_everything_came_to_rest(
    storm: Storm, record_property: Callable[[str, object], None]
) -> None:
    said_again = witness.forgotten(storm.demo)
    record_property("faults", storm.seen.total())
    record_property("facts said again", said_again.total())
    record_property("of them unheard", storm.unheard)
    record_property("s to rest", f"{storm.seconds_to_rest:.1f}")

    assert storm.seen == dict.fromkeys(FAULTS, ROUNDS)
    assert {"REFERRALS", "MATCHING", "SCHEDULING", "NOTIFICATIONS", "SEALED"} <= set(+said_again)
    assert storm.unheard > 0
    assert storm.seconds_to_rest < 30


def test_check_finds_nothing_wrong_after_the_faults(storm: Storm) -> None:
    aftermath.check_is_clean(storm.demo)


def test_no_reminder_was_lost_or_sent_twice(storm: Storm) -> None:
    aftermath.every_reminder_was_sent_once(storm.demo)


def test_the_same_world_was_taken_in_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    aftermath.as_many_were_taken_in(storm.demo, quiet)


def test_everybody_who_was_accepted_is_cared_for_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    aftermath.everybody_is_cared_for(storm.demo, quiet)
