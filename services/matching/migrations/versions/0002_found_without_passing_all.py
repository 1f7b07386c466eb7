"""Finds whom offers may be made to, and whom one was made to, without passing everybody who ever was there."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will index the supporters who are active, and offers by their referral."""
    op.create_index(
        "supporters_possible",
        "supporters",
        ["supporter_id"],
        postgresql_where=sa.text("active"),
        sqlite_where=sa.text("active = 1"),
    )
    op.create_index("ix_offers_referral_id", "offers", ["referral_id"])
