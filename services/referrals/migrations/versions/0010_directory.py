"""Keeps a directory of where people are pointed to, and who was pointed to what."""

import sqlalchemy as sa
from alembic import op

from shared.database import Json, UtcTime
from shared.sealed_columns import Sealed

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the directory and the pointers."""
    op.create_table(
        "directory",
        sa.Column("entry_id", sa.Uuid, primary_key=True),
        sa.Column("details", Json, nullable=False),
        sa.Column("kept_by", sa.Text, nullable=False),
        sa.Column("changed_at", UtcTime, nullable=False),
        sa.Column("ended_at", UtcTime),
    )
    op.create_table(
        "pointers",
        sa.Column("pointer_id", sa.Uuid, primary_key=True),
        sa.Column("referral_id", sa.Uuid, nullable=False, index=True),
        sa.Column("way", sa.Text, nullable=False, unique=True),
        sa.Column("entry", Sealed("pointers.entry"), nullable=False),
        sa.Column("by", Sealed("pointers.by"), nullable=False),
        sa.Column("pointed_at", UtcTime, nullable=False),
        sa.Column("linked_at", UtcTime),
        sa.Column("followed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("said", sa.Text),
        sa.Column("said_at", UtcTime),
        sa.CheckConstraint(
            "said is null or said in ('helped', 'not_for_me')", name="nobody_says_more_than_whether_it_helped"
        ),
    )
