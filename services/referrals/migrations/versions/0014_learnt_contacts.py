"""Keeps whether the programme learnt from a person how they are reached: no referrer knows it better later."""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the column."""
    op.add_column("referrals", sa.Column("contact_learnt_at", UtcTime()))
