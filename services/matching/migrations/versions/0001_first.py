"""Supporters, offerings, who waits, offers, matches and why; what must never be true has a constraint."""

import sqlalchemy as sa
from alembic import op

from shared.database import Json, UtcTime
from shared.mailbox.tables import create_first
from shared.sealed_columns import Sealed, SealedJson

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_first(op)
    _supporters()
    _offerings()
    _referrals()
    _offers()
    _matches()
    _decisions()
    _bridges()
    _refusals()


def _supporters() -> None:
    op.create_table(
        "supporters",
        sa.Column("supporter_id", sa.Uuid, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("site_id", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("profile", SealedJson("supporters.profile"), nullable=False),
        sa.Column("exclusions", SealedJson("supporters.exclusions"), nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("ceiling", sa.Integer, nullable=False),
        sa.Column("held", sa.Integer, nullable=False, server_default="0"),
        sa.Column("room", sa.Integer, nullable=False),
        sa.Column("registered_at", UtcTime, nullable=False),
        sa.Column("changed_at", UtcTime, nullable=False),
        sa.Column("considered_at", UtcTime),
        sa.CheckConstraint("held >= 0 and held <= room", name="nobody_holds_more_than_their_room"),
    )


def _offerings() -> None:
    op.create_table(
        "offerings",
        sa.Column("offering_id", sa.Uuid, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("site_id", sa.Text, nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("changed_at", UtcTime, nullable=False),
    )
    op.create_index("ix_offerings_site_id", "offerings", ["site_id"])


def _referrals() -> None:
    op.create_table(
        "referrals",
        sa.Column("referral_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("site_id", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("urgency", sa.Text, nullable=False),
        sa.Column("arrived_at", UtcTime, nullable=False),
        sa.Column("age_band", sa.Text, nullable=False),
        sa.Column("needs", SealedJson("referrals.needs"), nullable=False),
        sa.Column("preferences", SealedJson("referrals.preferences"), nullable=False),
        sa.Column("funded", sa.Boolean, nullable=False),
        sa.Column("part2", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("lost_offers", sa.Integer, nullable=False, server_default="0"),
        sa.Column("waitlisted_at", UtcTime),
        sa.Column("waits_because", sa.Text),
        sa.Column("spells", sa.Integer, nullable=False, server_default="0"),
        sa.Column("bridged_at", UtcTime),
        sa.CheckConstraint(
            "state in ('waiting', 'offered', 'matched', 'ended', 'held', 'withdrawn')",
            name="a_referral_is_in_a_known_state",
        ),
    )
    op.create_index("ix_referrals_person_id", "referrals", ["person_id"])
    op.create_index("referrals_by_state", "referrals", ["state"])


def _offers() -> None:
    op.create_table(
        "offers",
        sa.Column("offer_id", sa.Uuid, primary_key=True),
        sa.Column("referral_id", sa.Uuid, sa.ForeignKey("referrals.referral_id"), nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("offering_id", sa.Uuid, nullable=False),
        sa.Column("supporter_id", sa.Uuid, sa.ForeignKey("supporters.supporter_id"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("counts", sa.Integer, nullable=False),
        sa.Column("made_at", UtcTime, nullable=False),
        sa.Column("answer_by", UtcTime, nullable=False),
        sa.Column("answered_at", UtcTime),
        sa.Column("answered_by", Sealed("offers.answered_by")),
        sa.Column("code", sa.Text),
        sa.CheckConstraint(
            "state in ('open', 'accepted', 'declined', 'expired', 'withdrawn')", name="an_offer_is_in_a_known_state"
        ),
    )
    op.create_index(
        "one_open_offer_a_referral",
        "offers",
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "nobody_is_asked_twice",
        "offers",
        ["referral_id", "supporter_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'withdrawn'"),
        sqlite_where=sa.text("state <> 'withdrawn'"),
    )
    op.create_index("offers_by_state", "offers", ["state", "answer_by"])


def _matches() -> None:
    op.create_table(
        "matches",
        sa.Column("match_id", sa.Uuid, primary_key=True),
        sa.Column("referral_id", sa.Uuid, sa.ForeignKey("referrals.referral_id")),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("offering_id", sa.Uuid, nullable=False),
        sa.Column("supporter_id", sa.Uuid, sa.ForeignKey("supporters.supporter_id")),
        sa.Column("offer_id", sa.Uuid, sa.ForeignKey("offers.offer_id")),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("counts", sa.Integer, nullable=False),
        sa.Column("made_at", UtcTime, nullable=False),
        sa.Column("ended_at", UtcTime),
        sa.CheckConstraint("state in ('active', 'ended')", name="a_match_is_in_a_known_state"),
        sa.UniqueConstraint("offer_id", name="an_offer_is_accepted_once"),
    )
    op.create_index("ix_matches_person_id", "matches", ["person_id"])
    op.create_index(
        "one_match_a_referral",
        "matches",
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
        sqlite_where=sa.text("state = 'active'"),
    )
    op.create_index("matches_still_new", "matches", ["state", "counts", "made_at"])


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Uuid, primary_key=True),
        sa.Column("referral_id", sa.Uuid, sa.ForeignKey("referrals.referral_id"), nullable=False),
        sa.Column("supporter_id", sa.Uuid),
        sa.Column("unmet", sa.Text),
        sa.Column("score", sa.Float),
        sa.Column("coverage", sa.Float),
        sa.Column("parts", Json, nullable=False),
        sa.Column("runner_up", sa.Uuid),
        sa.Column("margin", sa.Float),
        sa.Column("funnel", Json, nullable=False),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("decided_at", UtcTime, nullable=False),
    )
    op.create_index("ix_decisions_referral_id", "decisions", ["referral_id"])


def _bridges() -> None:
    op.create_table(
        "bridges",
        sa.Column("referral_id", sa.Uuid, sa.ForeignKey("referrals.referral_id"), primary_key=True),
        sa.Column("offering_id", sa.Uuid, sa.ForeignKey("offerings.offering_id"), primary_key=True),
        sa.Column("offered_at", UtcTime, nullable=False),
    )


def _refusals() -> None:
    op.create_table(
        "refusals",
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("errors", Json, nullable=False),
        sa.Column("refused_at", UtcTime, nullable=False),
    )
