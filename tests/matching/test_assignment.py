"""The joint decision: who is served when places run out, and what is always true of it."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from services.matching.rules.assignment import Decided, Decision, assign
from services.matching.rules.people import Candidate, Seeker
from services.matching.rules.policy import Policy
from services.matching.rules.priority import priority
from tests.matching.makers import NOON, candidate, seeker


def decide(people: list[Seeker], staff: list[Candidate], **changes: Any) -> Decided:
    return assign(people, staff, now=NOON, policy=Policy(**changes))


def served(decided: Decided) -> dict[UUID, UUID]:
    return {each.referral_id: each.supporter_id for each in decided.decisions if each.supporter_id}


def test_serves_the_urgent_first_when_places_run_out() -> None:
    routine, urgent = seeker(1, priority=3), seeker(2, priority=60)

    decided = decide([routine, urgent], [candidate(capacity=1)])

    assert list(served(decided)) == [urgent.referral_id]


def test_serves_two_rather_than_the_one_with_the_highest_priority() -> None:
    either, picky = seeker(1, priority=100), seeker(2, priority=1, wants={"languages": ["es"]})
    both_speak, english = candidate(1, languages=["es:native", "en:native"]), candidate(2, challenges=["gambling"])

    decided = decide([either, picky], [both_speak, english])

    assert served(decided) == {picky.referral_id: both_speak.supporter_id, either.referral_id: english.supporter_id}


def test_prefers_more_priority_to_more_score() -> None:
    fits_well = seeker(1, priority=10)
    waits_longer = seeker(2, priority=11, needs={"challenges": ["anxiety"]})

    decided = decide([fits_well, waits_longer], [candidate(capacity=1)])

    assert list(served(decided)) == [waits_longer.referral_id]


def test_gives_everybody_together_the_most_score() -> None:
    sad, worried = seeker(1), seeker(2, needs={"challenges": ["anxiety"]})
    knows_both, knows_sadness = candidate(1, challenges=["depression", "anxiety"]), candidate(2)

    decided = decide([sad, worried], [knows_both, knows_sadness])

    assert served(decided) == {
        worried.referral_id: knows_both.supporter_id,
        sad.referral_id: knows_sadness.supporter_id,
    }


def test_a_tie_goes_to_who_waits_longer() -> None:
    later, earlier = seeker(1, arrived_at=NOON), seeker(2, arrived_at=NOON - timedelta(minutes=1))

    assert list(served(decide([later, earlier], [candidate(capacity=1)]))) == [earlier.referral_id]


def test_a_tie_goes_to_the_lower_load_and_then_to_the_lower_id() -> None:
    weights = Policy().weights.model_copy(update={"load": 0, "challenge": 20})
    staff = [candidate(1, capacity=10, held=20), candidate(3, capacity=10, held=10), candidate(2, capacity=10, held=10)]

    assert list(served(decide([seeker()], staff, weights=weights)).values()) == [UUID(int=2)]


def test_spreads_equal_people_over_equal_supporters() -> None:
    staff = [candidate(number, capacity=15) for number in range(1, 5)]

    chosen = Counter(served(decide([seeker(number) for number in range(8)], staff)).values())

    assert set(chosen.values()) == {2}


@pytest.mark.parametrize(
    ("person", "staff", "why"),
    [
        (seeker(), [], "no_fit"),
        (seeker(), [candidate(held=10)], "no_room"),
        (seeker(), [candidate(paused=True)], "no_fit"),
        (
            seeker(wants={"directness": 1, "structure": 1}),
            [candidate(challenges=["gambling"], directness=5)],
            "below_floor",
        ),
        (seeker(lost_offers=3), [], "offers_exhausted"),
        (seeker(lost_offers=3), [candidate(held=10)], "no_room"),
    ],
)
def test_says_why_nobody_is_asked(person: Seeker, staff: list[Candidate], why: str) -> None:
    [decision] = decide([person], staff).decisions

    assert (decision.supporter_id, decision.unmet) == (None, why)


def test_a_pair_of_which_too_little_is_known_is_left_to_a_person() -> None:
    asks_much = seeker(
        needs={"life_tags": ["veteran"], "pathway": "faith", "goals": ["work"]},
        wants={"gender": "woman", "directness": 3, "structure": 3},
    )
    says_little = candidate(challenges=[], languages=["en:native"])

    [decision] = decide([asks_much], [says_little]).decisions

    assert decision.unmet == "below_floor"


def test_tells_the_runner_up_and_by_how_much_they_lost() -> None:
    best, second = candidate(1), candidate(2, challenges=["bipolar"])

    [decision] = decide([seeker()], [best, second]).decisions

    assert (decision.supporter_id, decision.runner_up) == (best.supporter_id, second.supporter_id)
    assert decision.margin is not None
    assert decision.margin > 10


@pytest.mark.parametrize(
    ("urgency", "waited", "lost", "points"),
    [
        ("urgent", 0, 0, 60),
        ("priority", 0, 0, 25),
        ("routine", 0, 0, 0),
        ("routine", 8, 0, 24),
        ("routine", 9, 0, 27),
        ("routine", 20, 0, 60),
        ("routine", 1, 2, 23),
    ],
)
def test_waiting_priority_is_urgency_and_days_and_lost_offers(
    urgency: Any, waited: int, lost: int, points: int
) -> None:
    assert priority(urgency, waited=waited, lost=lost, policy=Policy()) == points


LANGUAGES = [["en:native"], ["es:native"], ["en:native", "es:native"]]


@some.composite
def people(draw: Any, most: int = 7) -> list[Seeker]:
    count = draw(some.integers(0, most))
    return [
        seeker(
            number,
            priority=draw(some.integers(0, 4)) * 10,
            arrived_at=NOON - timedelta(hours=draw(some.integers(0, 3))),
            wants={"languages": draw(some.sampled_from([["en"], ["es"]]))},
            needs={"challenges": [draw(some.sampled_from(["depression", "anxiety", "gambling"]))]},
            conflicts=frozenset(UUID(int=each) for each in draw(some.sets(some.integers(1, 5), max_size=2))),
        )
        for number in range(count)
    ]


@some.composite
def staff(draw: Any, most: int = 5) -> list[Candidate]:
    count = draw(some.integers(0, most))
    return [
        candidate(
            number + 1,
            capacity=draw(some.integers(0, 3)),
            languages=draw(some.sampled_from(LANGUAGES)),
            challenges=[draw(some.sampled_from(["depression", "anxiety", "gambling"]))],
        )
        for number in range(count)
    ]


@given(people(), staff())
@settings(deadline=None, max_examples=60)
def test_never_exceeds_a_capacity_nor_joins_an_excluded_pair(
    seekers: list[Seeker], candidates: list[Candidate]
) -> None:
    found = served(decide(seekers, candidates))

    taken = Counter(found.values())
    assert all(taken[each.supporter_id] <= each.rooms(15) for each in candidates)
    assert all(found.get(each.referral_id) not in each.conflicts for each in seekers)


@given(people(), staff(), some.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_same_input_gives_the_same_output_in_whatever_order_it_comes(
    seekers: list[Seeker], candidates: list[Candidate], shuffle: random.Random
) -> None:
    once = decide(seekers, candidates)
    shuffle.shuffle(seekers)
    shuffle.shuffle(candidates)

    assert decide(seekers, candidates) == once


@given(people(), staff(most=4), some.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_one_more_supporter_never_means_that_fewer_are_served(
    seekers: list[Seeker], candidates: list[Candidate], capacity: int
) -> None:
    newcomer = candidate(5, capacity=capacity)

    assert len(served(decide(seekers, [*candidates, newcomer]))) >= len(served(decide(seekers, candidates)))


@given(people(most=5), staff(most=3))
@settings(deadline=None, max_examples=60)
def test_is_as_good_as_trying_everything(seekers: list[Seeker], candidates: list[Candidate]) -> None:
    decided = decide(seekers, candidates)
    singles = {
        (person.referral_id, each.supporter_id): single
        for person in seekers
        for each in candidates
        for single in decide([person], [each]).decisions
    }

    assert _aim(decided.decisions, seekers, singles) == pytest.approx(_best(seekers, candidates, singles), abs=0.05)


def _aim(decisions: list[Decision], seekers: list[Seeker], singles: Any) -> tuple[float, float, float]:
    points = {each.referral_id: each.priority for each in seekers}
    chosen = [each for each in decisions if each.supporter_id]
    total = sum(_rank(singles[each.referral_id, each.supporter_id]) for each in chosen)
    return len(chosen), sum(points[each.referral_id] for each in chosen), total


def _rank(single: Decision) -> float:
    return (single.score or 0) * (0.8 + 0.2 * (single.coverage or 0))


def _best(seekers: list[Seeker], candidates: list[Candidate], singles: Any) -> tuple[float, float, float]:
    def best(index: int, rooms: dict[UUID, int]) -> tuple[float, float, float]:
        if index == len(seekers):
            return (0, 0, 0)
        found = best(index + 1, rooms)
        for each in candidates:
            single = singles[seekers[index].referral_id, each.supporter_id]
            if rooms[each.supporter_id] and single.supporter_id:
                rest = best(index + 1, {**rooms, each.supporter_id: rooms[each.supporter_id] - 1})
                found = max(found, (rest[0] + 1, rest[1] + seekers[index].priority, rest[2] + _rank(single)))
        return found

    return best(0, {each.supporter_id: each.rooms(15) for each in candidates})


def test_other_inputs_have_another_fingerprint() -> None:
    prints = {
        decide([seeker()], [candidate()]).inputs,
        decide([seeker(priority=1)], [candidate()]).inputs,
        decide([seeker()], [candidate(held=5)]).inputs,
        decide([seeker()], [candidate()], floor=40).inputs,
    }

    assert len(prints) == 4
