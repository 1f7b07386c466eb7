"""Keeps who lifted a STOP at the word of the person, and why."""

from alembic import op

from services.notifications.store.tables import opt_ins

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add who lifted a STOP; a store that was made by this version has it already."""
    opt_ins.create(op.get_bind(), checkfirst=True)
