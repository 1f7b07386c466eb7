"""Keeps how soon a referral's person is to be helped, as it was told to who helps them: its clock goes by the same."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the column; of what is there it stays empty, and is found from its words."""
    op.add_column("referrals", sa.Column("urgency", sa.Text))
