"""What the referrals service keeps."""

from services.referrals.rules.disclosures import Accounted, Disclosure
from services.referrals.store.accounts import Refusal, Repeat, counts, refuse, repeat
from services.referrals.store.assertions import use
from services.referrals.store.danger import nobody_is_paged, unheard
from services.referrals.store.discharges import Discharged, discharged
from services.referrals.store.disclosures import accounting_of, note_disclosures
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
    has_others,
    ids_by_number,
    ids_by_placer,
    ids_of_person,
    listed,
    move,
    overdue,
    referrers,
    tell,
)
from services.referrals.store.search import Wanted, page
from services.referrals.store.subscriptions import (
    Event,
    drop_events,
    events_of,
    keep_subscriptions,
    note_events,
    number_events,
    subscribe,
    subscriptions_alone,
    subscriptions_by_ids,
    subscriptions_of,
    unsubscribe,
    waiting,
)
from services.referrals.store.tables import metadata
from services.referrals.store.timelines import Entry, entries_of, milestones_of, note
from services.referrals.store.unsent import say_instead

__all__ = [
    "Accounted",
    "Discharged",
    "Disclosure",
    "Entry",
    "Event",
    "Referral",
    "Refusal",
    "Repeat",
    "Wanted",
    "accounting_of",
    "add",
    "alone",
    "by_id",
    "by_ids",
    "by_placer",
    "change",
    "content_of",
    "counts",
    "discharged",
    "drop_events",
    "entries_of",
    "events_of",
    "has_others",
    "id_of",
    "ids_by_number",
    "ids_by_placer",
    "ids_of_person",
    "keep_subscriptions",
    "know",
    "listed",
    "metadata",
    "milestones_of",
    "move",
    "named_by",
    "nobody_is_paged",
    "note",
    "note_disclosures",
    "note_events",
    "number_events",
    "numbered",
    "overdue",
    "page",
    "people_of",
    "person_of",
    "placer_of",
    "prints_of",
    "referrers",
    "refuse",
    "repeat",
    "say_instead",
    "subscribe",
    "subscriptions_alone",
    "subscriptions_by_ids",
    "subscriptions_of",
    "tell",
    "unheard",
    "unsubscribe",
    "use",
    "waiting",
]
