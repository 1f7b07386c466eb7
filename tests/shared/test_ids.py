"""What belongs together has ids that lie together, the same each time."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from shared.ids import beside, dated


def test_an_id_is_the_same_for_the_same_parent_and_name_and_no_other() -> None:
    parent, other = uuid4(), uuid4()
    names = ["1 day", "3 days", "7 days"]

    made = [beside(each, name) for each in (parent, other) for name in names]

    assert made == [beside(each, name) for each in (parent, other) for name in names]
    assert len(set(made)) == 6


def test_children_and_their_children_begin_like_their_parent() -> None:
    parent = uuid4()
    child = beside(parent, "child")

    for each in (child, beside(child, "a"), beside(child, "b")):
        assert each.hex[:16] == parent.hex[:16]
        assert each != parent


def test_what_is_made_in_a_later_week_comes_after_whatever_was_made_before() -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)

    weeks = [dated(uuid4(), monday + timedelta(weeks=each)).hex for each in range(200)]

    assert weeks == sorted(weeks) and len({each[:4] for each in weeks}) == 200


def test_an_id_tells_nothing_but_the_week() -> None:
    some, monday = uuid4(), datetime(2026, 11, 23, 9, tzinfo=UTC)

    assert dated(some, monday) == dated(some, monday + timedelta(days=2))
    assert dated(some, monday).bytes[2:] == some.bytes[2:]
