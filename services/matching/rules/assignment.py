"""Decides whom to ask for whom: one joint assignment for everything that gathered, the same whatever the order."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

import numpy as np
import scipy
from numpy.typing import NDArray

from services.matching.rules.filters import FILTERS, judge
from services.matching.rules.pairs import Bits, Pairs
from services.matching.rules.people import Candidate, Seeker
from services.matching.rules.policy import Policy
from services.matching.rules.score import Scores, measure
from shared.events.matching import WaitsBecause

Unmet = WaitsBecause | Literal["another_served"]
"""Why nobody is asked for somebody; `another_served`: another referral of the same human being is."""
FULL = list(FILTERS).index("full")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided for one person and why: a supporter to ask, or the reason why none is.

    `parts` are values 0 to 1, `funnel` counts supporters by the first filter that stopped them, `margin` is the
    difference in rank to the best other supporter who could have been asked.
    """

    referral_id: UUID
    supporter_id: UUID | None = None
    unmet: Unmet | None = None
    score: float | None = None
    coverage: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    runner_up: UUID | None = None
    margin: float | None = None
    funnel: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Decided:
    """All decisions of one batch, in order of the referrals' ids, and the fingerprint of what they came from."""

    decisions: list[Decision]
    inputs: str


def assign(seekers: Sequence[Seeker], candidates: Sequence[Candidate], *, now: datetime, policy: Policy) -> Decided:
    """This will decide for everybody together: most people, then most waiting priority, then most score.

    Ties go to who waits longer, to the supporter with the lower load, and then by id.
    """
    people = sorted(seekers, key=lambda each: (each.arrived_at, each.referral_id.int))
    staff = sorted(candidates, key=lambda each: (each.held, each.supporter_id.int))
    inputs = fingerprint(people, staff, now=now, policy=policy)
    if not people:
        return Decided([], inputs)
    pairs = Pairs(people, staff, now, policy)
    stopped, scores = judge(pairs), measure(pairs)
    fits = (scores.score >= policy.floor) & (scores.coverage >= policy.coverage_floor)
    chosen = choose(pairs, (stopped < 0) & fits, scores)
    found = [_decision(row, chosen.get(row), pairs, stopped, fits, scores) for row in range(len(people))]
    return Decided(sorted(found, key=lambda each: each.referral_id.int), inputs)


def fingerprint(seekers: Sequence[Seeker], candidates: Sequence[Candidate], *, now: datetime, policy: Policy) -> str:
    """This will hash everything a decision depends on (SHA-256, hex)."""
    told = hashlib.sha256(f"{now.isoformat()} {policy.model_dump_json()}".encode())
    for words in (*(each.told() for each in seekers), *(each.told() for each in candidates)):
        told.update(words.encode())
        told.update(b"\n")
    return told.hexdigest()


def choose(pairs: Pairs, possible: Bits, scores: Scores) -> dict[int, int]:
    """This will give a supporter's column for each person's row that gets one."""
    rows, columns = np.flatnonzero(possible.any(axis=1)), np.flatnonzero(possible.any(axis=0))
    if not len(rows):
        return {}
    places = _places(pairs, columns, possible.sum(axis=0))
    worth = _worth([pairs.seekers[int(row)].priority for row in rows], possible[rows], scores.rank[rows], places)
    return {int(rows[row]): int(places[place]) for row, place in _heaviest(worth) if worth[row, place] > 0}


def _heaviest(worth: NDArray[np.float64]) -> Iterable[tuple[int, int]]:
    """This will give the rows and columns of the heaviest assignment; alone, somebody gets the best there is."""
    if len(worth) == 1:
        return [(0, int(worth[0].argmax()))]
    # By its full name, so that the first batch loads the optimiser, not every start of the service.
    rows, columns = scipy.optimize.linear_sum_assignment(worth, maximize=True)
    return zip(rows, columns, strict=True)


def _places(pairs: Pairs, columns: NDArray[np.intp], wanted_by: NDArray[np.intp]) -> NDArray[np.intp]:
    """This will list each supporter once for each new person they have room for, the lightest loads first."""
    new_person = pairs.policy.new_person()
    rooms = [min(pairs.candidates[column].rooms(new_person), int(wanted_by[column])) for column in columns]
    load = [
        (pairs.candidates[column].held + new_person * taken, column)
        for column, room in zip(columns, rooms, strict=True)
        for taken in range(room)
    ]
    return np.array([column for _, column in sorted(load)], dtype=np.intp)


def _worth(
    priorities: list[int], possible: Bits, rank: NDArray[np.float32], places: NDArray[np.intp]
) -> NDArray[np.float64]:
    """This will weigh each possible place so that the greatest sum is the aim of `assign`; impossible ones weigh 0.

    Priority + 1 outweighs any sum of scores. That it is above 0 for everybody makes the heaviest assignment also one of
    the most people: any set of people that can be served together grows to a largest one without dropping anybody.
    """
    count = min(len(priorities), len(places))
    tie = 0.004 / (count + 1)
    first = (np.array(priorities, dtype=np.float64) + 1) * (101.0 * count + 1) + np.linspace(tie, 0, len(priorities))
    pair = np.where(possible, first[:, None] + np.round(rank.astype(np.float64), 2), 0.0)
    worth: NDArray[np.float64] = pair[:, places]
    np.add(worth, np.linspace(tie, 0, len(places))[None, :], out=worth, where=worth > 0)
    return worth


def _decision(
    row: int, column: int | None, pairs: Pairs, stopped: NDArray[np.int8], fits: Bits, scores: Scores
) -> Decision:
    seeker, open_to = pairs.seekers[row], (stopped[row] < 0) & fits[row]
    funnel = _funnel(stopped[row], fits[row])
    if column is None:
        return Decision(
            referral_id=seeker.referral_id, unmet=_why(seeker, stopped[row], fits[row], pairs.policy), funnel=funnel
        )
    second = _runner_up(scores.rank[row], open_to, column)
    return Decision(
        referral_id=seeker.referral_id,
        supporter_id=pairs.candidates[column].supporter_id,
        score=round(float(scores.score[row, column]), 2),
        coverage=round(float(scores.coverage[row, column]), 3),
        parts=scores.explained(row, column),
        runner_up=None if second is None else pairs.candidates[second].supporter_id,
        margin=None if second is None else round(float(scores.rank[row, column] - scores.rank[row, second]), 2),
        funnel=funnel,
    )


def _funnel(stopped: NDArray[np.int8], fits: Bits) -> dict[str, int]:
    counts = np.bincount(stopped[stopped >= 0], minlength=len(FILTERS))
    found = {name: int(count) for name, count in zip(FILTERS, counts, strict=True) if count}
    passed = stopped < 0
    return {
        "supporters": len(stopped), **found,
        "below_floor": int((passed & ~fits).sum()), "possible": int((passed & fits).sum()),
    }  # fmt: skip


def _why(seeker: Seeker, stopped: NDArray[np.int8], fits: Bits, policy: Policy) -> Unmet:
    """This will say why nobody is asked: all who fit are full, nobody fits well enough, or nobody fits at all."""
    if bool((((stopped < 0) | (stopped == FULL)) & fits).any()):
        return "no_room"
    if seeker.lost_offers >= policy.lost_offers_before_a_person_looks:
        return "offers_exhausted"
    return "below_floor" if bool(((stopped < 0) | (stopped == FULL)).any()) else "no_fit"


def _runner_up(rank: NDArray[np.float32], possible: Bits, chosen: int) -> int | None:
    others = possible.copy()
    others[chosen] = False
    return int(np.argmax(np.where(others, rank, -1.0))) if others.any() else None
