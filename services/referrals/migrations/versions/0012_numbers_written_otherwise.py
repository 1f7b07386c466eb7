"""Finds a referral by its placer's number in whichever case it is written, for withdrawals."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.sealed import lookup
from shared.sealed_columns import SealedJson

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

AT_ONCE = 1_000


def upgrade() -> None:
    """This will add the fingerprint, and give it to what is there."""
    with op.batch_alter_table("referrals") as table:
        table.add_column(sa.Column("placer_alike", sa.Text, nullable=False, server_default=sa.text("''")))
    _give_fingerprints()
    op.create_index("referrals_by_placer_alike", "referrals", ["organisation", "placer_alike"])


def _give_fingerprints() -> None:
    kept = sa.table(
        "referrals",
        sa.column("referral_id", sa.Uuid),
        sa.column("organisation", sa.Text),
        sa.column("words", SealedJson("referrals.words")),
        sa.column("placer_alike", sa.Text),
    )
    wanted = sa.select(kept.c.referral_id, kept.c.organisation, kept.c.words).order_by(kept.c.referral_id)
    give = kept.update().where(kept.c.referral_id == sa.bindparam("one")).values(placer_alike=sa.bindparam("print"))
    rows: Sequence[Any] = op.get_bind().execute(wanted.limit(AT_ONCE)).all()
    while rows:
        found = [{"one": row.referral_id, "print": _print(row.organisation, row.words)} for row in rows]
        op.get_bind().execute(give, found)
        after = kept.c.referral_id > rows[-1].referral_id
        rows = op.get_bind().execute(wanted.where(after).limit(AT_ONCE)).all()


def _print(organisation: str, words: dict[str, Any]) -> str:
    number = words.get("identifier")
    return lookup("alike", organisation, number["value"].casefold()) if number else ""
