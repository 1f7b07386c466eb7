"""Lets a page that nobody answers go on to the next person."""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add whom a page went to, and when somebody took a danger sign in hand."""
    op.add_column("holds", sa.Column("acknowledged_at", UtcTime))
    # What was paged before went to the on-call person; a new page says its step.
    op.add_column("pages", sa.Column("step", sa.Integer, nullable=False, server_default="1"))
