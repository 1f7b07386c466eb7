"""What a stream tells of itself, and what it has lost by that: the judgement alone, without a broker."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.mailbox.memory import MANY_RUNS, SLACK, Held, Lost, held, lost, runs

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEEPS = timedelta(days=30)
OLD = NOON - KEEPS + SLACK


def stream(first: int = 1, last: int = 100, *missing: int, drops: bool = False) -> Held:
    """A stream as it may be found."""
    return Held("then", first, last, len(missing), KEEPS, drops, missing)


def test_a_whole_stream_has_lost_nothing() -> None:
    assert lost(stream(), before=stream(), reached=100, back_to=None, at=NOON) == []


def test_a_stream_that_others_have_written_on_has_lost_nothing() -> None:
    assert lost(stream(last=120), before=stream(), reached=100, back_to=None, at=NOON) == []


def test_an_end_that_is_gone_is_lost() -> None:
    assert lost(stream(last=70), before=stream(), reached=100, back_to=None, at=NOON) == [Lost(71, 100)]


def test_holes_are_lost_and_judged_once() -> None:
    holed = stream(1, 100, 5, 6, 7, 50)

    first_look = lost(holed, before=stream(), reached=100, back_to=None, at=NOON)
    second_look = lost(holed, before=holed, reached=100, back_to=None, at=NOON)
    after_a_start = lost(holed, before=None, reached=100, back_to=None, at=NOON)

    assert first_look == after_a_start == [Lost(5, 7), Lost(50, 50)]
    assert second_look == []


def test_a_new_hole_is_lost_though_an_old_one_went_with_the_beginning() -> None:
    before, now = stream(1, 100, 5, 6), stream(20, 100, 50, 51)

    assert Lost(50, 51) in lost(now, before=before, reached=100, back_to=None, at=NOON)


def test_holes_that_a_stream_does_not_name_may_be_anywhere() -> None:
    holed = Held("then", 1, 100, 3, KEEPS, False)

    assert lost(holed, before=stream(), reached=100, back_to=None, at=NOON) == [Lost(1, 100)]


def test_of_a_beginning_that_is_gone_only_what_is_young_is_lost() -> None:
    cut = stream(first=40)

    assert lost(cut, before=stream(), reached=100, back_to=None, at=NOON) == [Lost(1, 39, since=OLD)]
    assert lost(cut, before=None, reached=100, back_to=None, at=NOON) == [Lost(1, 39, since=OLD)]
    assert lost(cut, before=cut, reached=100, back_to=None, at=NOON) == []


def test_a_full_stream_that_drops_its_oldest_has_not_lost_them() -> None:
    assert lost(stream(first=40, drops=True), before=stream(), reached=100, back_to=None, at=NOON) == []


def test_all_from_a_place_on_that_was_given_out_twice_is_lost() -> None:
    assert lost(stream(last=130), before=stream(), reached=100, back_to=61, at=NOON) == [Lost(61, 100)]


def test_very_many_runs_become_the_one_that_spans_them() -> None:
    every_other = list(range(1, 4 * MANY_RUNS, 2))

    assert runs(every_other) == [(1, every_other[-1])]
    assert runs([1, 2, 3, 9]) == [(1, 3), (9, 9)]
    assert runs([]) == []


@pytest.mark.parametrize(
    ("state", "first", "last", "holes"),
    [
        ({"messages": 0, "first_seq": 0, "last_seq": 0, "bytes": 0}, 1, 0, 0),
        ({"messages": 0, "first_seq": 101, "last_seq": 100, "bytes": 0}, 101, 100, 0),
        ({"messages": 100, "first_seq": 1, "last_seq": 100, "bytes": 9}, 1, 100, 0),
        ({"messages": 97, "first_seq": 1, "last_seq": 100, "num_deleted": 3, "bytes": 9}, 1, 100, 3),
        ({"messages": 10, "first_seq": 91, "last_seq": 100, "bytes": 9}, 91, 100, 0),
    ],
)
def test_reads_what_jetstream_tells(state: dict[str, Any], first: int, last: int, holes: int) -> None:
    found = held({"created": "then", "config": {"max_age": 30 * 86_400 * 10**9, "discard": "new"}, "state": state})

    assert (found.first, found.last, found.holes, found.keeps, found.drops) == (first, last, holes, KEEPS, False)
