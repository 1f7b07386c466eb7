"""Keeps when the last visit was kept: one before a discharge is not the follow-up after it."""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the column, and fill it from what timelines tell of first visits."""
    with op.batch_alter_table("referrals") as table:
        table.add_column(sa.Column("last_kept_at", UtcTime))
    op.execute(
        "update referrals set last_kept_at = (select max(timeline.about) from timeline"
        " where timeline.referral_id = referrals.referral_id and timeline.what = 'first_kept')"
        " where state in ('engaged', 'completed')"
    )
