"""The first schema of the referrals service."""

import sqlalchemy as sa
from alembic import op

from shared.database import Json, UtcTime
from shared.mailbox import tables
from shared.sealed_columns import Sealed, SealedJson

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will create what every service has, then who was referred and what became of it."""
    tables.create_first(op)
    _people_and_referrals()
    op.create_table(
        "timeline",
        sa.Column("entry_id", sa.Uuid, primary_key=True),
        sa.Column("referral_id", sa.Uuid, nullable=False, index=True),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("about", UtcTime),
        sa.Column("number", sa.Integer),
        sa.Column("by", Sealed("timeline.by")),
        sa.Column("note", Sealed("timeline.note")),
    )
    _accounts()


def _people_and_referrals() -> None:
    op.create_table(
        "persons",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False, index=True),
    )
    op.create_table(
        "referrals",
        sa.Column("referral_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False, index=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("site_id", sa.Text, nullable=False),
        sa.Column("placer", sa.Text, nullable=False),
        sa.Column("placer_value", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("words", SealedJson("referrals.words"), nullable=False),
        sa.Column("part2", sa.Boolean, nullable=False),
        sa.Column("first_outcome", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reasons", Json, nullable=False),
        sa.Column("arrived_at", UtcTime, nullable=False),
        sa.Column("crisis_at", UtcTime),
        sa.Column("latest", sa.Text, nullable=False),
        sa.Column("withheld", sa.Boolean, nullable=False),
        sa.Column("told", sa.Text),
        sa.Column("told_at", UtcTime, nullable=False),
        sa.UniqueConstraint("organisation", "placer", name="one_referral_per_placer_identifier"),
    )
    op.create_index("referrals_by_placer_value", "referrals", ["organisation", "placer_value"])
    op.create_index("referrals_by_state", "referrals", ["state", "referral_id"])


def _accounts() -> None:
    op.create_table(
        "refusals",
        sa.Column("refusal_id", sa.Uuid, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_table(
        "repeats",
        sa.Column("repeat_id", sa.Uuid, primary_key=True),
        sa.Column("referral_id", sa.Uuid, nullable=False, index=True),
        sa.Column("changed", sa.Boolean, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
