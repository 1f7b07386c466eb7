"""Lets referrers search their own referrals page by page, and use each assertion for a token once."""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the index that a search walks, and the assertions that were used."""
    op.create_index("referrals_by_arrival", "referrals", ["organisation", "arrived_at", "referral_id"])
    op.create_table(
        "assertions",
        sa.Column("assertion_id", sa.Text, primary_key=True),
        sa.Column("until", UtcTime, nullable=False, index=True),
    )
