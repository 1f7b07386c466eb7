"""Ids that follow from others: the same each time, and neighbours of what they belong to."""

from datetime import datetime
from uuid import UUID, uuid5

WEEK = 7 * 24 * 60 * 60


def beside(parent: UUID, name: str) -> UUID:
    """This will give the id of something of `parent` that is called `name`.

    Its first half is the parent's: what belongs together lies together in every index. Ids that lie anywhere would make
    each of a series' 24 reminders touch a page of its own, and cost more the more there are.
    """
    return UUID(bytes=parent.bytes[:8] + uuid5(parent, name).bytes[8:])


def dated(some: UUID, at: datetime) -> UUID:
    """This will let an id begin with the week of `at`: what is new lies together in every index, what is old is let be.

    It tells the week and no more: ids are seen by organisations.
    """
    week = int(at.timestamp()) // WEEK
    return UUID(bytes=week.to_bytes(2, "big") + some.bytes[2:])
