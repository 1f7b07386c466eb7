"""Plays many seeds in several processes, with or without a seeded bug, and gathers what was found."""

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context

from shared import names
from tests.simulation.bugs import BUGS
from tests.simulation.process import meters
from tests.simulation.seed import Outcome, play

WORKERS = 2
AT_ONCE = 10
ENOUGH_BROKEN = 3
METERED = {
    ("mailbox_letters_total", "parked"): "parked",
    ("mailbox_letters_total", "put_aside"): "put aside",
    ("mailbox_letters_total", "known"): "heard again",
    ("mailbox_errand_calls_total", "lost"): "errand lost",
    ("mailbox_errand_calls_total", "failed"): "call failed",
    ("mailbox_timers_rung_total", "failed"): "timer failed",
    ("mailbox_forgotten_total", ""): "said again",
    ("mailbox_database_away_total", ""): "batch waited for the database",
}
"""What the mailboxes' own meters tell of the storms: the metric, its outcome, and our word for it."""


@dataclass
class Campaign:
    """What some seeds came to."""

    seeds: int = 0
    broken: list[Outcome] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)


def play_some(seeds: Sequence[int]) -> Campaign:
    """Play seeds one after another in this process."""
    found, before = Campaign(), _metered()
    for seed in seeds:
        outcome = play(seed)
        found.seeds += 1
        found.happened += outcome.happened
        if outcome.broken or outcome.slips:
            found.broken.append(outcome)
    found.happened += _metered() - before
    return found


def _metered() -> Counter[str]:
    found: Counter[str] = Counter()
    for service in names.SERVICES:
        kept = meters(service)
        for metric in (kept.letters, kept.calls, kept.rang, kept.forgotten, kept.away):
            for family in metric.collect():
                for sample in family.samples:
                    word = METERED.get((sample.name, sample.labels.get("outcome", "")))
                    if word:
                        found[word] += int(sample.value)
    return found


@contextmanager
def playing(count: int) -> Iterator[Callable[[], Campaign]]:
    """Play seeds on workers meanwhile; what is given waits for them, but not for more when a few are broken."""
    chunks = [range(each, min(each + AT_ONCE, count)) for each in range(0, count, AT_ONCE)]
    with workers() as pool:
        parts = pool.map(play_some, chunks)
        try:
            yield lambda: _whole(parts)
        finally:
            pool.shutdown(cancel_futures=True)


def _whole(parts: Iterable[Campaign]) -> Campaign:
    whole = Campaign()
    for each in parts:
        whole.seeds += each.seeds
        whole.happened += each.happened
        whole.broken += each.broken
        if len(whole.broken) >= ENOUGH_BROKEN:
            break
    return whole


@contextmanager
def workers(wanted: int = WORKERS) -> Iterator[ProcessPoolExecutor]:
    """Processes that begin as if each were the only one, and take what everybody else leaves of the processors."""
    at_most = min(wanted, os.cpu_count() or 1)
    with ProcessPoolExecutor(at_most, get_context("spawn"), initializer=_begin) as pool:
        yield pool


def _begin() -> None:
    os.nice(15)
    # Seeds collect what they leave between each other: within one it would take a tenth of the time.
    gc.disable()


def first_to_catch(bug: str, within: int) -> Outcome | None:
    """The first seed that finds a bug, or a slip in how it was written."""
    with BUGS[bug]():
        for seed in range(within):
            if (outcome := play(seed)).broken or outcome.slips:
                return outcome
    return None


def told(outcome: Outcome, lines: int = 60) -> str:
    """A broken seed, for whoever looks into it."""
    first = [f"seed {outcome.seed}: {each}" for each in [*outcome.slips, *outcome.broken][:10]]
    again = f"once more: python -m tests.simulation {outcome.seed}"
    return "\n".join([*first, again, *outcome.trace[-lines:]])
