"""Keeps what insurers tell of members."""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime
from shared.sealed_columns import SealedJson

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the statements of insurers."""
    op.create_table(
        "statements",
        sa.Column("statement_id", sa.Uuid, primary_key=True),
        sa.Column("payer", sa.Text, nullable=False),
        sa.Column("member_key", sa.Text, nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("words", SealedJson("statements.words"), nullable=False),
        sa.Column("as_of", UtcTime, nullable=False),
        sa.Column("heard_at", UtcTime, nullable=False),
    )
