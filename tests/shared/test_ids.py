"""What belongs together has ids that lie together, the same each time."""

from uuid import uuid4

from shared.ids import beside


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
