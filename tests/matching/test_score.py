"""Each part of the score, by values; and what becomes of what nobody told."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.matching.rules import codes
from services.matching.rules.pairs import Pairs
from services.matching.rules.people import Candidate, Seeker
from services.matching.rules.policy import Policy, Weights
from services.matching.rules.score import PARTS, measure
from shared.events import vocabulary
from tests.matching.makers import NOON, candidate, seeker


def part(name: str, person: Seeker, supporter: Candidate) -> float | None:
    """One part's value for one pair; None when the person did not ask."""
    return measure(Pairs([person], [supporter], NOON, Policy())).explained(0, 0).get(name)


def window(weekday: int, start: str, end: str) -> dict[str, Any]:
    return {"weekday": weekday, "start": start, "end": end}


@pytest.mark.parametrize(
    ("theirs", "ours", "value"),
    [
        (["depression"], ["depression"], 1.0),
        (["depression"], ["bipolar"], 0.6),
        (["depression"], ["anxiety"], 0.3),
        (["depression"], ["gambling"], 0.0),
        (["depression"], ["gambling", "bipolar"], 0.6),
        (["depression", "gambling"], ["gambling"], 0.0),
        (["depression"], [], 0.5),
        (["other"], ["depression"], None),
        (["a code of tomorrow", "depression"], ["depression"], 1.0),
        ([], ["depression"], None),
    ],
)
def test_compares_the_first_challenge_with_the_nearest_lived_one(
    theirs: list[str], ours: list[str], value: float | None
) -> None:
    found = part("challenge", seeker(needs={"challenges": theirs}), candidate(challenges=ours))

    assert found == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "needs", "wants", "changes", "value"),
    [
        ("life", {"life_tags": ["veteran", "parent"]}, {}, {"life_tags": ["parent", "student"]}, 0.5),
        ("life", {"life_tags": ["veteran"]}, {}, {}, 0.5),
        ("life", {}, {}, {"life_tags": ["veteran"]}, None),
        ("life", {"life_tags": ["a tag of tomorrow"]}, {}, {"life_tags": ["veteran"]}, None),
        ("pathway", {"pathway": "faith"}, {}, {"pathway": "faith"}, 1.0),
        ("pathway", {"pathway": "faith"}, {}, {"pathway": "secular"}, 0.0),
        ("pathway", {"pathway": "faith"}, {}, {}, 0.5),
        ("goals", {"goals": ["work", "housing", "school"]}, {}, {"goals": ["work"]}, 0.333),
        ("identity", {}, {"gender": "woman"}, {"gender": "woman"}, 1.0),
        ("identity", {}, {"gender": "woman"}, {"gender": "man"}, 0.0),
        ("identity", {}, {"gender": "woman", "age_near": 40}, {"gender": "woman", "age": 51}, 0.5),
        ("identity", {}, {"age_near": 40}, {"age": 50}, 1.0),
        ("identity", {}, {"communities": ["lgbtq", "rural"]}, {"communities": ["rural"]}, 0.5),
        ("identity", {}, {"gender": "woman", "communities": ["deaf"]}, {"gender": "woman"}, 0.75),
        ("identity", {}, {}, {"gender": "woman"}, None),
        ("style", {}, {"directness": 1}, {"directness": 5}, 0.0),
        ("style", {}, {"directness": 2, "structure": 4}, {"directness": 3, "structure": 4}, 0.875),
        ("style", {}, {"directness": 2}, {}, 0.5),
        ("modality", {}, {"modalities": ["audio", "video"]}, {"modalities": ["audio"]}, 1.0),
        ("modality", {}, {"modalities": ["audio", "video"]}, {"modalities": ["video"]}, 0.6),
        ("modality", {}, {"modalities": ["in_person", "video"]}, {"site_id": "west"}, 0.6),
        ("modality", {}, {}, {}, None),
        ("language", {}, {"languages": ["en"]}, {"languages": ["en:native"]}, 1.0),
        ("language", {}, {"languages": ["es", "en"]}, {"languages": ["en:native"]}, 0.7),
        ("language", {}, {"languages": ["es"]}, {"languages": ["es:fluent"]}, 0.7),
        ("language", {}, {"languages": ["es"]}, {"languages": ["es:conversational", "en"]}, 0.4),
        ("overlap", {}, {"windows": [window(0, "09:00", "11:00")]}, {"windows": [window(0, "09:00", "11:00")]}, 1.0),
        ("overlap", {}, {}, {}, None),
        ("soon", {}, {}, {"windows": [window(1, "09:00", "17:00")]}, 1.0),
        ("soon", {}, {}, {"windows": [window(3, "09:00", "17:00")]}, 1.0),
        ("soon", {}, {}, {"windows": [window(4, "09:00", "17:00")]}, 0.7),
        ("soon", {}, {}, {"windows": [window(0, "09:00", "17:00")]}, 0.7),
    ],
)
def test_gives_each_part_its_value(
    name: str, needs: Any, wants: Any, changes: dict[str, Any], value: float | None
) -> None:
    assert part(name, seeker(needs=needs, wants=wants), candidate(**changes)) == pytest.approx(value, abs=0.001)


def test_more_common_time_counts_more_until_there_is_enough() -> None:
    wants = {"windows": [window(0, "09:00", "17:00")]}

    two, three, eight = (
        part("overlap", seeker(wants=wants), candidate(windows=[window(0, "09:00", end)]))
        for end in ("11:00", "12:00", "17:00")
    )

    assert two is not None
    assert three is not None
    assert two < three < 1
    assert eight == 1


def test_load_is_the_share_of_capacity_left() -> None:
    assert part("load", seeker(), candidate(capacity=10, held=25)) == pytest.approx(0.75)


def test_what_the_person_did_not_ask_for_is_dropped_and_the_rest_counts_for_all() -> None:
    quiet = seeker(needs={"challenges": []})
    supporter = candidate(capacity=10, held=50, languages=["en:native"])

    scores = measure(Pairs([quiet], [supporter], NOON, Policy()))

    assert scores.explained(0, 0) == {"soon": 1.0, "language": 1.0, "load": 0.5}
    assert float(scores.score[0, 0]) == pytest.approx(100 * (8 + 5 + 2.5) / 18, abs=0.01)
    assert float(scores.coverage[0, 0]) == 1


def test_what_the_supporter_did_not_tell_counts_half_and_lowers_coverage_and_rank() -> None:
    person = seeker(needs={"challenges": [], "life_tags": ["veteran"]})
    supporter = candidate(languages=["en:native"])

    scores = measure(Pairs([person], [supporter], NOON, Policy()))

    assert float(scores.score[0, 0]) == pytest.approx(100 * (8 + 5 + 5 + 5) / 28, abs=0.01)
    assert float(scores.coverage[0, 0]) == pytest.approx(18 / 28, abs=0.001)
    assert float(scores.rank[0, 0]) == pytest.approx(float(scores.score[0, 0]) * (0.8 + 0.2 * 18 / 28), abs=0.01)


def test_the_weights_sum_up_to_a_hundred_and_others_are_refused() -> None:
    assert sum(Weights().model_dump().values()) == 100
    assert set(Weights.model_fields) == set(PARTS)
    with pytest.raises(ValidationError, match="sum up to 100"):
        Weights(challenge=16)


def test_every_challenge_has_a_family_and_nearness_is_the_same_both_ways() -> None:
    assert {each for family in codes.CHALLENGE_FAMILIES.values() for each in family} < vocabulary.CHALLENGES
    for one in sorted(vocabulary.CHALLENGES - {"other"}):
        assert codes.family(one)
        for other in sorted(vocabulary.CHALLENGES):
            assert codes.nearness(one, other) == codes.nearness(other, one)


def test_a_first_meeting_is_never_counted_for_today() -> None:
    monday_only = candidate(windows=[window(0, "09:00", "17:00")])

    pairs = Pairs([seeker()], [monday_only], NOON - timedelta(hours=8), Policy())

    assert int(pairs.days_ahead[0, 0]) == 7
