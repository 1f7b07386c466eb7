"""Finds what insurers told longest ago: of those who are nobody's member here it is forgotten."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the index by which it is found."""
    op.create_index("statements_by_age", "statements", ["heard_at"])
