"""What the referrals service keeps."""

from services.referrals.store.accounts import counts, refuse, repeat
from services.referrals.store.person import person_of
from services.referrals.store.referral import (
    Referral,
    add,
    alone,
    by_id,
    by_ids,
    by_placer,
    came_again,
    change,
    content_of,
    ids_of_person,
    listed,
    mark_crisis,
    move,
    named_by,
    new_id,
    placer_of,
    tell,
)
from services.referrals.store.tables import metadata
from services.referrals.store.timelines import Entry, entries_of, milestones_of, note

__all__ = [
    "Entry",
    "Referral",
    "add",
    "alone",
    "by_id",
    "by_ids",
    "by_placer",
    "came_again",
    "change",
    "content_of",
    "counts",
    "entries_of",
    "ids_of_person",
    "listed",
    "mark_crisis",
    "metadata",
    "milestones_of",
    "move",
    "named_by",
    "new_id",
    "note",
    "person_of",
    "placer_of",
    "refuse",
    "repeat",
    "tell",
]
