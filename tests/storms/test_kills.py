"""The demo goes on while each of its processes is killed in turn, and ends where the quiet one ends."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random

import httpx
import pytest

from tests import demos
from tests.demos import Demo, alongside, demo

VICTIMS = (*demos.SERVICES, "nats-server")
KILLS = 2 * len(VICTIMS)
SAME = ("accepted", "crisis_review", "needs_screen", "needs_info", "refused")
"""What becomes of a post that is new: a post asked again changes none of it."""


@dataclass(frozen=True)
class Storm:
    """A demo that lived through kills: who was killed how often, and how long it took to come to rest afterwards."""

    demo: Demo
    killed: Counter[str]
    seconds_to_rest: float


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What the same demo counts when nobody disturbs it."""
    return demos.quiet_summary(tmp_path_factory.mktemp("quiet"))


@pytest.fixture(scope="module")
def storm(quiet: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    """The demo with every process killed twice, left live when the play is over."""
    with demo(tmp_path_factory.mktemp("storm")) as played:
        killed = kill_in_turn(played)
        played.until_live()
        yield Storm(played, killed, seconds_until_rest(played))


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


def seconds_until_rest(played: Demo, within: float = 30.0) -> float:
    """How long it takes until no service has anything under way; it fails when that is too long."""
    begun = time.monotonic()
    while told := under_way(played):
        assert time.monotonic() - begun < within, f"stuck {within:.0f} s after the storm: {told}"
        time.sleep(0.2)
    return time.monotonic() - begun


def under_way(played: Demo) -> list[str]:
    """What services say is unsent, put aside, under way or dead."""
    key = (played.data / "keys" / "api" / "programme.key").read_text().strip()
    found = []
    for name, url in played.addresses()["services"].items():
        answer = httpx.get(f"{url}/quiet", headers={"Authorization": f"Bearer {key}"}, timeout=10, trust_env=False)
        told = answer.raise_for_status().json()
        found += [f"{name}: {told[each]} {each}" for each in ("unsent", "aside", "errands", "dead") if told[each]]
    return found


def test_each_process_was_killed_and_everything_came_to_rest(storm: Storm) -> None:
    assert set(storm.killed) == set(VICTIMS)
    assert storm.seconds_to_rest < 30
    assert all(storm.demo.is_ready(each) for each in VICTIMS)


def test_check_finds_nothing_wrong_after_the_kills(storm: Storm) -> None:
    told = alongside("check", "--data", str(storm.demo.data), "--messages", str(storm.demo.log), "--json")

    found = json.loads(told.stdout)
    assert told.returncode == 0, [each for each in found if each["broken"] or each["unseen"]]


def test_no_reminder_was_lost_or_sent_twice(storm: Storm) -> None:
    taken = [json.loads(line) for line in storm.demo.log.read_text().splitlines()]
    texts = Counter(each["key"] for each in taken if each["kind"] == "text")

    figures = storm.demo.figures()

    assert [key for key, times in texts.items() if times > 1] == []
    assert len(texts) == figures["messages_sent"] > 0
    assert (figures["reminders_failed"], figures["reminders_unknown"], figures["reminders_sending"]) == (0, 0, 0)


def test_the_same_world_was_posted_and_taken_in_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    figures = storm.demo.figures()

    asked_again = figures["referrals_duplicates"] - quiet["duplicates"]

    assert {each: figures[f"referrals_{each}"] for each in SAME} == {each: quiet[each] for each in SAME}
    assert asked_again >= 0
    assert sum(figures[f"referrals_{each}"] for each in (*SAME, "duplicates")) == (
        quiet["referrals_posted"] + asked_again
    )


def test_everybody_who_was_accepted_is_cared_for_as_on_a_quiet_day(storm: Storm, quiet: dict[str, int]) -> None:
    figures = storm.demo.figures()

    asked = figures["matches_made"] + figures["offers_open"] + figures["matching_waiting"]
    assert asked == quiet["matches_made"] + quiet["offers_open"] + quiet["waiting_now"]
    assert figures["sessions_booked"] == 12 * figures["matches_made"]


def test_it_drains_and_ends_when_it_is_told_to(storm: Storm) -> None:
    assert storm.demo.end() == 0
    assert not any(storm.demo.is_ready(each) for each in VICTIMS)
