"""Knows which people are one human being."""

from alembic import op

from shared import linked

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add who stands for whom; a store that was made by this version has it already."""
    linked.metadata.create_all(op.get_bind())
