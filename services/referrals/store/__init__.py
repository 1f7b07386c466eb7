"""What the referrals service keeps."""

from services.referrals.store.accounts import Refusal, Repeat, counts, refuse, repeat
from services.referrals.store.assertions import use
from services.referrals.store.danger import nobody_is_paged, unheard
from services.referrals.store.fingerprints import content_of, id_of, named_by, numbered, placer_of, prints_of
from services.referrals.store.person import know, people_of, person_of
from services.referrals.store.referral import (
    Referral,
    add,
    alone,
    by_id,
    by_ids,
    by_placer,
    change,
    ids_by_number,
    ids_of_person,
    listed,
    move,
    tell,
)
from services.referrals.store.search import Wanted, page
from services.referrals.store.tables import metadata
from services.referrals.store.timelines import Entry, entries_of, milestones_of, note

__all__ = [
    "Entry",
    "Referral",
    "Refusal",
    "Repeat",
    "Wanted",
    "add",
    "alone",
    "by_id",
    "by_ids",
    "by_placer",
    "change",
    "content_of",
    "counts",
    "entries_of",
    "id_of",
    "ids_by_number",
    "ids_of_person",
    "know",
    "listed",
    "metadata",
    "milestones_of",
    "move",
    "named_by",
    "nobody_is_paged",
    "note",
    "numbered",
    "page",
    "people_of",
    "person_of",
    "placer_of",
    "prints_of",
    "refuse",
    "repeat",
    "tell",
    "unheard",
    "use",
]
