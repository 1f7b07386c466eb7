"""The demo goes on while each of its processes is killed in turn, and ends where the quiet one ends."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random

import pytest

from tests import demos
from tests.demos import Demo, demo
from tests.storms import aftermath

VICTIMS = (*demos.SERVICES, "nats-server")
KILLS = int(os.environ.get("KILLS", 2 * len(VICTIMS)))
"""How many processes are killed in all; `make storms` wants more."""


@dataclass(frozen=True)
class Storm:
    """A demo that lived through kills: who was killed how often, and how long it took to come to rest afterwards."""

    demo: Demo
    killed: Counter[str]
    seconds_to_rest: float


@pytest.fixture(scope="module")
def storm(quiet: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    """The demo with every process killed twice, left live when the play is over."""
    with demo(tmp_path_factory.mktemp("storm")) as played:
        killed = kill_in_turn(played)
        played.until_live()
        yield Storm(played, killed, aftermath.seconds_until_rest(played))


def kill_in_turn(played: Demo) -> Counter[str]:
    """Kill -9 one process after another, each as soon as the one before is back."""
    chance, killed = Random(demos.SEED), Counter[str]()
    victims = cycle(VICTIMS)
    while killed.total() < KILLS and not played.is_live():
        assert played.process.poll() is None, played.last_words()
        if not all(each in played.pids() and played.is_ready(each) for each in VICTIMS):
            time.sleep(0.2)
            continue
        time.sleep(chance.uniform(0.5, 2.5))
        victim = next(victims)
        os.kill(played.pids()[victim], signal.SIGKILL)
        killed[victim] += 1
    return killed


def test_each_process_was_killed_and_everything_came_to_rest(
    storm: Storm, record_property: Callable[[str, object], None]
) -> None:
    record_property("kills", storm.killed.total())
    record_property("s to rest", f"{storm.seconds_to_rest:.1f}")

    assert set(storm.killed) == set(VICTIMS)
    assert storm.seconds_to_rest < 30
    assert all(storm.demo.is_ready(each) for each in VICTIMS)


def test_check_finds_nothing_wrong_after_the_kills(storm: Storm) -> None:
    aftermath.check_is_clean(storm.demo)


def test_no_reminder_was_lost_or_sent_twice(storm: Storm) -> None:
    aftermath.every_reminder_was_sent_once(storm.demo)


def test_the_same_world_was_posted_and_taken_in_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    aftermath.as_many_were_taken_in(storm.demo, quiet)


def test_everybody_who_was_accepted_is_cared_for_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    aftermath.everybody_is_cared_for(storm.demo, quiet)


def test_it_drains_and_ends_when_it_is_told_to(storm: Storm) -> None:
    assert storm.demo.end() == 0
    assert not any(storm.demo.is_ready(each) for each in VICTIMS)
