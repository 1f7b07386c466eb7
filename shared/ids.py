"""Ids that follow from others: the same each time, and neighbours of what they belong to."""

from uuid import UUID, uuid5


def beside(parent: UUID, name: str) -> UUID:
    """This will give the id of something of `parent` that is called `name`.

    Its first half is the parent's: what belongs together lies together in every index. Ids that lie anywhere would make
    each of a series' 24 reminders touch a page of its own, and cost more the more there are.
    """
    return UUID(bytes=parent.bytes[:8] + uuid5(parent, name).bytes[8:])
