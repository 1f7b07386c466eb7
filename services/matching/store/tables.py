"""The tables; what must never be true is refused by their constraints, whose names are sentences."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from shared.database import Json, UtcTime
from shared.mailbox import tables as shared_tables
from shared.sealed_columns import Sealed, SealedJson

metadata = MetaData()

supporters = Table(
    "supporters",
    metadata,
    Column("supporter_id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("site_id", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("profile", SealedJson("supporters.profile"), nullable=False),
    Column("exclusions", SealedJson("supporters.exclusions"), nullable=False),
    Column("digest", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("ceiling", Integer, nullable=False),
    Column("held", Integer, nullable=False, server_default="0"),
    Column("room", Integer, nullable=False),
    Column("registered_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("considered_at", UtcTime),
    CheckConstraint("held >= 0 and held <= room", name="nobody_holds_more_than_their_room"),
    Index("supporters_possible", "supporter_id", postgresql_where=text("active"), sqlite_where=text("active = 1")),
)
"""`held` is the weighted caseload and `ceiling` the most it may become, in tenths of a person; `room` is the ceiling,
or what was held already when the ceiling was lowered. `considered_at` is when they were last thought of for everybody
who waits; empty since they changed, or had more room, for then they may be somebody's."""

offerings = Table(
    "offerings",
    metadata,
    Column("offering_id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("site_id", Text, nullable=False, index=True),
    Column("details", Json, nullable=False),
    Column("digest", Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

referrals = Table(
    "referrals",
    metadata,
    Column("referral_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("organisation", Text, nullable=False),
    Column("site_id", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("arrived_at", UtcTime, nullable=False),
    Column("age_band", Text, nullable=False),
    Column("needs", SealedJson("referrals.needs"), nullable=False),
    Column("preferences", SealedJson("referrals.preferences"), nullable=False),
    Column("funded", Boolean, nullable=False),
    Column("part2", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("lost_offers", Integer, nullable=False, server_default="0"),
    Column("waitlisted_at", UtcTime),
    Column("waits_because", Text),
    Column("spells", Integer, nullable=False, server_default="0"),
    Column("bridged_at", UtcTime),
    CheckConstraint(
        "state in ('waiting', 'offered', 'matched', 'ended', 'held', 'withdrawn')",
        name="a_referral_is_in_a_known_state",
    ),
    Index("referrals_by_state", "state"),
)
"""`waiting` needs an offer, `held` and `withdrawn` may have none; `waitlisted_at` is set while nobody free fits."""

offers = Table(
    "offers",
    metadata,
    Column("offer_id", Uuid, primary_key=True),
    Column("referral_id", Uuid, ForeignKey("referrals.referral_id"), nullable=False, index=True),
    Column("person_id", Uuid, nullable=False),
    Column("offering_id", Uuid, nullable=False),
    Column("supporter_id", Uuid, ForeignKey("supporters.supporter_id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("counts", Integer, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("answer_by", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
    Column("answered_by", Sealed("offers.answered_by")),
    Column("code", Text),
    CheckConstraint(
        "state in ('open', 'accepted', 'declined', 'expired', 'withdrawn')", name="an_offer_is_in_a_known_state"
    ),
    Index(
        "one_open_offer_a_referral",
        "referral_id",
        unique=True,
        postgresql_where=text("state = 'open'"),
        sqlite_where=text("state = 'open'"),
    ),
    Index(
        "nobody_is_asked_twice",
        "referral_id",
        "supporter_id",
        unique=True,
        postgresql_where=text("state <> 'withdrawn'"),
        sqlite_where=text("state <> 'withdrawn'"),
    ),
    Index("offers_by_state", "state", "answer_by"),
)

matches = Table(
    "matches",
    metadata,
    Column("match_id", Uuid, primary_key=True),
    Column("referral_id", Uuid, ForeignKey("referrals.referral_id")),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("offering_id", Uuid, nullable=False),
    Column("supporter_id", Uuid, ForeignKey("supporters.supporter_id")),
    Column("offer_id", Uuid, ForeignKey("offers.offer_id")),
    Column("state", Text, nullable=False),
    Column("counts", Integer, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    CheckConstraint("state in ('active', 'ended')", name="a_match_is_in_a_known_state"),
    UniqueConstraint("offer_id", name="an_offer_is_accepted_once"),
    Index(
        "one_match_a_referral",
        "referral_id",
        unique=True,
        postgresql_where=text("state = 'active'"),
        sqlite_where=text("state = 'active'"),
    ),
    Index("matches_still_new", "state", "counts", "made_at"),
)
"""A match joins a person and an offering; `counts` is what it adds to the supporter's `held`."""

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", Uuid, primary_key=True),
    Column("referral_id", Uuid, ForeignKey("referrals.referral_id"), nullable=False, index=True),
    Column("supporter_id", Uuid),
    Column("unmet", Text),
    Column("score", Float),
    Column("coverage", Float),
    Column("parts", Json, nullable=False),
    Column("runner_up", Uuid),
    Column("margin", Float),
    Column("funnel", Json, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("decided_at", UtcTime, nullable=False),
)

bridges = Table(
    "bridges",
    metadata,
    Column("referral_id", Uuid, ForeignKey("referrals.referral_id"), primary_key=True),
    Column("offering_id", Uuid, ForeignKey("offerings.offering_id"), primary_key=True),
    Column("offered_at", UtcTime, nullable=False),
)

refusals = Table(
    "refusals",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("errors", Json, nullable=False),
    Column("refused_at", UtcTime, nullable=False),
)

shared_tables.add_to(metadata)
