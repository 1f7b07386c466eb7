"""Lets a danger sign be followed until somebody was paged about it, and somebody took it in hand."""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from shared.clock import real
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
    # Whoever was on call was paged about what was raised long before; what is on its way is told of when it arrives.
    kept = sa.table("referrals", sa.column("crisis_at", UtcTime), sa.column("paged_at", UtcTime))
    long_ago = kept.c.crisis_at < real() - timedelta(hours=1)
    op.execute(kept.update().where(long_ago).values(paged_at=kept.c.crisis_at))
    op.create_index(
        "referrals_in_danger",
        "referrals",
        ["site_id", "crisis_at"],
        sqlite_where=IN_DANGER,
        postgresql_where=IN_DANGER,
    )
