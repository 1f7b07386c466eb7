"""Keeps referrals of organisations for tests apart from those of people."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FOR_TESTS, FOR_TESTS_SQLITE = sa.text("test"), sa.text("test = 1")


def upgrade() -> None:
    """This will say of everything so far that it is real."""
    op.add_column("referrals", sa.Column("test", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("refusals", sa.Column("test", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index(
        "referrals_for_tests", "referrals", ["organisation"], sqlite_where=FOR_TESTS_SQLITE, postgresql_where=FOR_TESTS
    )
