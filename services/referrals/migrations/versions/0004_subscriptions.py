"""Lets organisations subscribe to what becomes of their referrals."""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime
from shared.mailbox.tables import Serial
from shared.sealed_columns import Sealed, SealedJson

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add who is to be called, and what they are to be told."""
    op.create_table(
        "subscriptions",
        sa.Column("subscription_id", sa.Uuid, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False, index=True),
        sa.Column("endpoint", Sealed("subscriptions.endpoint"), nullable=False),
        sa.Column("headers", SealedJson("subscriptions.headers"), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("reason", Sealed("subscriptions.reason"), nullable=False),
        sa.Column("heartbeat", sa.Integer),
        sa.Column("timeout", sa.Integer, nullable=False),
        sa.Column("most", sa.Integer, nullable=False),
        sa.Column("ends_at", UtcTime),
        sa.Column("changed_at", UtcTime, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("shaken", sa.Boolean, nullable=False),
        sa.Column("numbered", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("calling", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", UtcTime),
        sa.Column("next_try", UtcTime),
        sa.Column("heard_at", UtcTime),
        sa.Column("look_at", UtcTime),
    )
    op.create_table(
        "subscription_events",
        sa.Column("id", Serial, primary_key=True, autoincrement=True),
        sa.Column("subscription_id", sa.Uuid, nullable=False),
        sa.Column("referral_id", sa.Uuid, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("number", sa.Integer),
    )
    op.create_index("events_of_a_subscription", "subscription_events", ["subscription_id", "id"])
