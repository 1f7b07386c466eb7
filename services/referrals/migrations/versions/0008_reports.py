"""Keeps what people at the programme told without a consent."""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime
from shared.sealed_columns import Sealed

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the reports."""
    op.create_table(
        "reports",
        sa.Column("report_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False, index=True),
        sa.Column("ground", sa.Text, nullable=False),
        sa.Column("by", Sealed("reports.by"), nullable=False),
        sa.Column("recipient", Sealed("reports.recipient"), nullable=False),
        sa.Column("nature", Sealed("reports.nature"), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
