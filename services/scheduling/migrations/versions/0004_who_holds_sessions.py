"""Keeps which organisations hold a supporter's sessions."""

import sqlalchemy as sa
from alembic import op

from shared.database import Json

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add whose a supporter is, and at whose place they meet people."""
    op.add_column("supporters", sa.Column("organisation", sa.Text))
    op.add_column("supporters", sa.Column("hosts", Json))
