"""Accounts for what organisations are told about people, and keeps who agreed for a minor."""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime
from shared.sealed_columns import SealedJson

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the accounting, and a guardian's consent."""
    op.add_column("referrals", sa.Column("guardian", SealedJson("referrals.guardian")))
    op.create_table(
        "disclosures",
        sa.Column("disclosure_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False, index=True),
        sa.Column("referral_id", sa.Uuid, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("part2", sa.Boolean, nullable=False),
        sa.Column("consent_id", sa.Uuid),
        sa.Column("first_at", UtcTime, nullable=False),
        sa.Column("last_at", UtcTime, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
    )
