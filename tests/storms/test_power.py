"""The demo goes on while power fails under the broker, under the stores, and under both, and ends as on a quiet day."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests import demos
from tests.demos import Demo, demo
from tests.storms import aftermath, power, witness
from tests.storms.power import Disk
from tests.storms.witness import BROKER, Shows

pytestmark = pytest.mark.skipif(bool(power.why_not()), reason=power.why_not())
ROUNDS = int(os.environ.get("STORM_ROUNDS", "0"))
"""How often power fails in each way, in `make storms`; otherwise once in the two gravest."""

CAREFUL, CARELESS = '"sync_interval": "always"', '"sync_interval": "2m"'
FAILURES: dict[str, tuple[tuple[str, ...], str, Shows]] = {
    "the broker's": ((BROKER,), CAREFUL, witness.nothing_lost),
    "a careless broker's": ((BROKER,), CARELESS, witness.shortened),
    "the stores'": (demos.SERVICES, CAREFUL, witness.nothing_lost),
    "everybody's": ((*demos.SERVICES, BROKER), CAREFUL, witness.nothing_lost),
}
"""Whose disks lose their power, whether the broker waits for its disk, and what is then to be seen."""

TRIES = 5
WAYS = [*FAILURES] * ROUNDS or ["a careless broker's", "everybody's"]


@dataclass(frozen=True)
class Storm:
    """A demo that lived through power failures: which of them, and how long it took to come to rest afterwards."""

    demo: Demo
    failed: list[str]
    seconds_to_rest: float


@pytest.fixture(scope="module")
def storm(quiet: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    """The demo, its streams and stores moved to disks whose power fails in each way, left live at the end."""
    folder = tmp_path_factory.mktemp("power")
    with power.disk(folder, "streams") as streams, power.disk(folder, "stores") as stores, demo(folder) as played:
        disks = {BROKER: streams, **dict.fromkeys(demos.SERVICES, stores)}
        witness.until_well(played)
        with nobody_there(played, tuple(disks)):
            move(played, disks)
        failed = fail_in_turn(played, disks)
        played.until_live()
        yield Storm(played, failed, aftermath.seconds_until_rest(played))
        played.end()


def move(played: Demo, disks: Mapping[str, Disk]) -> None:
    """Let streams and stores lie on other disks than everything else, where they were before as far as anybody sees."""
    stores = {name: [*played.data.glob(f"{name}.sqlite*")] for name in demos.SERVICES}
    for name, paths in {BROKER: [played.data / "nats" / "jetstream"], **stores}.items():
        for each in paths:
            there = disks[name].place / each.name
            shutil.move(each, there)
            each.symlink_to(there)
    os.sync()


def fail_in_turn(played: Demo, disks: Mapping[str, Disk]) -> list[str]:
    """Let power fail in one way after another, each as soon as everybody has got over the one before."""
    chance, failed = Random(demos.SEED), []
    for name in WAYS:
        victims, care, shows = FAILURES[name]
        take(played, care)
        # A kernel may have written by itself, in time, what was said since: nothing is lost then, and it is done again.
        for _ in range(TRIES):
            before = witness.until_well(played, partial(said_more, witness.until_well(played)))
            time.sleep(chance.uniform(0.2, 1.0))
            fail(played, victims, {disks[each] for each in victims})
            if witness.shows_soon(played, partial(shows, before)):
                failed.append(name)
                break
    return failed


def said_more(before: witness.State, after: witness.State) -> bool:
    return bool(after["said"] >= before["said"] + 10)


def take(played: Demo, care: str) -> None:
    """Let the broker wait for its disk, or not."""
    path = played.data / "nats" / "nats-server.conf"
    told = path.read_text()
    wanted = told.replace(CAREFUL, care).replace(CARELESS, care)
    if wanted != told:
        with nobody_there(played, (BROKER,)):
            path.write_text(wanted)


def fail(played: Demo, victims: tuple[str, ...], disks: Iterable[Disk]) -> None:
    """Let power fail while everybody is at work, and come back when nobody is there any more."""
    for each in disks:
        each.lose_power()
    with nobody_there(played, victims):
        for each in disks:
            each.unmount()
            each.mount()


@contextmanager
def nobody_there(played: Demo, victims: tuple[str, ...]) -> Iterator[None]:
    """Kill processes, and let nobody start them again before the end of the block."""
    pids = held(played, victims)
    try:
        for each in pids:
            os.kill(each, signal.SIGKILL)
        while not all(map(is_dead, pids)):
            time.sleep(0.01)
        yield
    finally:
        played.process.send_signal(signal.SIGCONT)


def held(played: Demo, victims: tuple[str, ...]) -> list[int]:
    """Stop who starts the processes again, at a moment when each of them runs and is known by its number."""
    while True:
        played.process.send_signal(signal.SIGSTOP)
        pids = [played.pids()[each] for each in victims]
        if not any(map(is_dead, pids)):
            return pids
        played.process.send_signal(signal.SIGCONT)
        time.sleep(0.05)


def is_dead(pid: int) -> bool:
    """Whether a process holds nothing any more; its parent may not have noticed yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_power_failed_in_each_way_and_everything_came_to_rest(
    storm: Storm, record_property: Callable[[str, object], None]
) -> None:
    record_property("power failures", len(storm.failed))
    record_property("s to rest", f"{storm.seconds_to_rest:.1f}")

    assert storm.failed == WAYS
    assert storm.seconds_to_rest < 30


def test_check_finds_nothing_wrong_after_the_power_failures(storm: Storm) -> None:
    aftermath.check_is_clean(storm.demo)


def test_no_reminder_was_lost_or_sent_twice(storm: Storm) -> None:
    aftermath.every_reminder_was_sent_once(storm.demo)


def test_the_same_world_was_taken_in_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    aftermath.as_many_were_taken_in(storm.demo, quiet)


def test_everybody_who_was_accepted_is_cared_for_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    aftermath.everybody_is_cared_for(storm.demo, quiet)
