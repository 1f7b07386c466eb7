"""Keeps whether the programme learnt from a person how they are reached."""

from alembic import op
from sqlalchemy import Column, inspect

from shared.database import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add when it was learnt; a store that was made by this version has it already."""
    if "learnt_at" not in {each["name"] for each in inspect(op.get_bind()).get_columns("people")}:
        op.add_column("people", Column("learnt_at", UtcTime()))
