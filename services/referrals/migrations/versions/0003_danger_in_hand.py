"""Lets a danger sign be followed until somebody was paged about it, and somebody took it in hand."""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IN_DANGER = sa.text("crisis_at is not null")


def upgrade() -> None:
    """This will add the two moments, and the index by which a site's last danger sign is found."""
    op.add_column("referrals", sa.Column("paged_at", UtcTime))
    op.add_column("referrals", sa.Column("acknowledged_at", UtcTime))
    # Whoever was on call was paged about what was raised before.
    op.execute("update referrals set paged_at = crisis_at where crisis_at is not null")
    op.create_index(
        "referrals_in_danger",
        "referrals",
        ["site_id", "crisis_at"],
        sqlite_where=IN_DANGER,
        postgresql_where=IN_DANGER,
    )
