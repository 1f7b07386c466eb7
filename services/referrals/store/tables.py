"""The tables of the referrals service; who a referral is about is kept sealed, and found by fingerprint."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)

from shared.database import Json, UtcTime
from shared.mailbox import tables
from shared.sealed_columns import Sealed, SealedJson

metadata = tables.add_to(MetaData())

persons = Table(
    "persons",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
)
"""By which keyed fingerprints of an organisation's identifiers a person is found again."""

traits = Table(
    "traits",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("person_id", Uuid, primary_key=True, index=True),
)
"""Keyed fingerprints of what few people have in common, to find who may be known from elsewhere."""

likenesses = Table(
    "likenesses",
    metadata,
    Column("one_id", Uuid, primary_key=True),
    Column("other_id", Uuid, primary_key=True, index=True),
    Column("why", Json, nullable=False),
    Column("noticed_at", UtcTime, nullable=False),
    Column("verdict", Text),
    Column("by", Sealed("likenesses.by")),
    Column("reason", Sealed("likenesses.reason")),
    Column("found_at", UtcTime),
    CheckConstraint("one_id < other_id", name="two_people_are_one_likeness"),
    CheckConstraint("verdict in ('same', 'different')", name="a_likeness_has_a_known_verdict"),
)
"""Two people who may be one human being, and what a named person found: `same`, `different`, or nothing yet."""

FOR_TESTS, FOR_TESTS_SQLITE = text("test"), text("test = 1")
IN_DANGER = text("crisis_at is not null")

OWNED = (
    "((state in ('refused', 'completed', 'closed') and crisis_at is null) = (awaits is null)) "
    "and ((awaits is null) = (act_by is null))"
)
OPEN = text("act_by is not null")
LEFT = text("discharged_on is not null")

referrals = Table(
    "referrals",
    metadata,
    Column("referral_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("organisation", Text, nullable=False),
    Column("site_id", Text, nullable=False),
    Column("placer", Text, nullable=False),
    Column("placer_value", Text, nullable=False),
    Column("placer_alike", Text, nullable=False, server_default=text("''")),
    Column("content", Text, nullable=False),
    Column("words", SealedJson("referrals.words"), nullable=False),
    Column("part2", Boolean, nullable=False),
    Column("first_outcome", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reasons", Json, nullable=False),
    Column("arrived_at", UtcTime, nullable=False),
    Column("crisis_at", UtcTime),
    Column("paged_at", UtcTime),
    Column("acknowledged_at", UtcTime),
    Column("latest", Text, nullable=False),
    Column("withheld", Boolean, nullable=False),
    Column("test", Boolean, nullable=False, server_default=false()),
    Column("guardian", SealedJson("referrals.guardian")),
    Column("discharged_on", Date),
    Column("awaits", Text),
    Column("act_by", UtcTime),
    Column("rings_at", UtcTime),
    Column("visits_from", UtcTime),
    Column("visits_until", UtcTime),
    Column("last_kept_at", UtcTime),
    Column("urgency", Text),
    Column("contact_learnt_at", UtcTime),
    Column("told", Text),
    Column("told_at", UtcTime, nullable=False),
    UniqueConstraint("organisation", "placer", name="one_referral_per_placer_identifier"),
    Index("referrals_by_placer_value", "organisation", "placer_value"),
    Index("referrals_by_placer_alike", "organisation", "placer_alike"),
    CheckConstraint(OWNED, name="every_open_referral_has_an_owner_and_a_clock"),
    Index("referrals_by_discharge", "organisation", "discharged_on", sqlite_where=LEFT, postgresql_where=LEFT),
    Index("referrals_by_clock", "act_by", sqlite_where=OPEN, postgresql_where=OPEN),
    Index("referrals_by_state", "state", "referral_id"),
    Index("referrals_by_arrival", "organisation", "arrived_at", "referral_id"),
    Index("referrals_for_tests", "organisation", sqlite_where=FOR_TESTS_SQLITE, postgresql_where=FOR_TESTS),
    Index("referrals_in_danger", "site_id", "crisis_at", sqlite_where=IN_DANGER, postgresql_where=IN_DANGER),
)
"""`words` is the whole order, sealed; `placer`, `content` and `latest` are keyed fingerprints, the last of what was
posted last; `placer_alike` is that of the placer's number in whichever case it is written; `told` is the fingerprint of
what the referrer was last told, at `told_at`; `crisis_at` is when danger was last raised, until a person clears it,
`paged_at` and `acknowledged_at` when somebody was paged about that, and took it in hand; `withheld` says that the
person took back what their referrer's agreement stands for before it counted; `test` that an organisation for tests
referred, and that there is no such person; `guardian` is who agreed for a minor, sealed; `awaits` is what must be done
next, by `act_by`, and at `rings_at` it is looked whether it was; `visits_from` and `visits_until` are when the first
visit that was booked begins, and the last ends, `last_kept_at` when the last that was kept began; `urgency` is
how soon the person is to be helped, as others were told."""

timeline = Table(
    "timeline",
    metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("referral_id", Uuid, nullable=False, index=True),
    Column("what", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("about", UtcTime),
    Column("number", Integer),
    Column("by", Sealed("timeline.by")),
    Column("note", Sealed("timeline.note")),
)
"""What happened to each referral: `at` is when we learnt it, `about` the moment it is about (a visit)."""

refusals = Table(
    "refusals",
    metadata,
    Column("refusal_id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("test", Boolean, nullable=False, server_default=false()),
)
"""Posts that could not be read as a referral, so that every post is accounted for."""

assertions = Table(
    "assertions",
    metadata,
    Column("assertion_id", Text, primary_key=True),
    Column("until", UtcTime, nullable=False, index=True),
)
"""Fingerprints of the assertions that were exchanged for a token: each counts once, and is kept until it is over."""

repeats = Table(
    "repeats",
    metadata,
    Column("repeat_id", Uuid, primary_key=True),
    Column("referral_id", Uuid, nullable=False, index=True),
    Column("changed", Boolean, nullable=False),
    Column("at", UtcTime, nullable=False),
)
"""Posts of a referral that was known already."""

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("subscription_id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False, index=True),
    Column("endpoint", Sealed("subscriptions.endpoint"), nullable=False),
    Column("headers", SealedJson("subscriptions.headers"), nullable=False),
    Column("content", Text, nullable=False),
    Column("reason", Sealed("subscriptions.reason"), nullable=False),
    Column("heartbeat", Integer),
    Column("timeout", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("ends_at", UtcTime),
    Column("changed_at", UtcTime, nullable=False),
    Column("status", Text, nullable=False),
    Column("shaken", Boolean, nullable=False),
    Column("numbered", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("calling", Text),
    Column("failures", Integer, nullable=False),
    Column("failing_since", UtcTime),
    Column("next_try", UtcTime),
    Column("heard_at", UtcTime),
    Column("look_at", UtcTime),
)
"""Whom organisations want called when a Task of theirs changes; `heartbeat` and `timeout` are seconds. What an endpoint
is let in by (its URL, its headers) is sealed."""

subscription_events = Table(
    "subscription_events",
    metadata,
    Column("id", tables.Serial, primary_key=True, autoincrement=True),
    Column("subscription_id", Uuid, nullable=False),
    Column("referral_id", Uuid, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("number", Integer),
    Index("events_of_a_subscription", "subscription_id", "id"),
)
"""What subscribers are still to be told, in order; a row has its `number` from when it is first told, and goes when
somebody took it."""

disclosures = Table(
    "disclosures",
    metadata,
    Column("disclosure_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("referral_id", Uuid, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("part2", Boolean, nullable=False),
    Column("consent_id", Uuid),
    Column("first_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("times", Integer, nullable=False),
)
"""What organisations were told about people; `what` is our code for it, never its words. Nothing removes a row."""

reports = Table(
    "reports",
    metadata,
    Column("report_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("ground", Text, nullable=False),
    Column("by", Sealed("reports.by"), nullable=False),
    Column("recipient", Sealed("reports.recipient"), nullable=False),
    Column("nature", Sealed("reports.nature"), nullable=False),
    Column("at", UtcTime, nullable=False),
)
"""What people at the programme told without a consent: who, whom, what and when. Nothing removes a row."""

directory = Table(
    "directory",
    metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("details", Json, nullable=False),
    Column("kept_by", Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
)
"""What the programme's own people put into the directory, or ended; what was shipped and left alone is not here."""

pointers = Table(
    "pointers",
    metadata,
    Column("pointer_id", Uuid, primary_key=True),
    Column("referral_id", Uuid, nullable=False, index=True),
    Column("way", Text, nullable=False, unique=True),
    Column("entry", Sealed("pointers.entry"), nullable=False),
    Column("by", Sealed("pointers.by"), nullable=False),
    Column("pointed_at", UtcTime, nullable=False),
    Column("linked_at", UtcTime),
    Column("followed", Integer, nullable=False, server_default="0"),
    Column("said", Text),
    Column("said_at", UtcTime),
    CheckConstraint("said is null or said in ('helped', 'not_for_me')", name="nobody_says_more_than_whether_it_helped"),
)
"""Who was pointed to which entry of the directory, which is sealed: it may tell what somebody lives with. `way` is the
fingerprint of the link of ours by which they follow it, `linked_at` when they did first or said that it helped, and
`followed` how often; `said` is what they say of it for themselves."""
