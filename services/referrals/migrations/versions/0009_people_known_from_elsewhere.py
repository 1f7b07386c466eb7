"""Finds people again across organisations: what they are looked up by, and what was found of those who may be one."""

import json
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa
from alembic import op

from shared import linked, names
from shared.clock import real
from shared.database import Json, UtcTime
from shared.mailbox.tables import timers
from shared.sealed_columns import Sealed

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """This will add the tables, and have everybody compared who is known already."""
    op.create_table(
        "traits",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Uuid, primary_key=True, index=True),
    )
    op.create_table(
        "likenesses",
        sa.Column("one_id", sa.Uuid, primary_key=True),
        sa.Column("other_id", sa.Uuid, primary_key=True, index=True),
        sa.Column("why", Json, nullable=False),
        sa.Column("noticed_at", UtcTime, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("by", Sealed("likenesses.by")),
        sa.Column("reason", Sealed("likenesses.reason")),
        sa.Column("found_at", UtcTime),
        sa.CheckConstraint("one_id < other_id", name="two_people_are_one_likeness"),
        sa.CheckConstraint("verdict in ('same', 'different')", name="a_likeness_has_a_known_verdict"),
    )
    # A store that was made by this version has it from the first migration on.
    linked.metadata.create_all(op.get_bind())
    _compare_everybody()


def _compare_everybody() -> None:
    kept = sa.table(
        "referrals",
        *(sa.column(each, sa.Uuid) for each in ("referral_id", "person_id")),
        sa.column("state", sa.Text),
        sa.column("test", sa.Boolean),
    )
    wanted = sa.select(kept.c.referral_id, kept.c.person_id).where(kept.c.state != "refused", ~kept.c.test)
    due = real() + timedelta(minutes=1)
    rows = [_timer(*row, due) for row in op.get_bind().execute(wanted)]
    if rows:
        op.get_bind().execute(sa.insert(timers), rows)


def _timer(referral_id: UUID, person_id: UUID, due: datetime) -> dict[str, object]:
    body = {"referral_id": str(referral_id), "person_id": str(person_id)}
    return {
        "timer_id": uuid4(),
        "partition": names.partition(str(person_id)),
        "type": "referrals.comparison-fell-due.v1",
        "body": json.dumps(body).encode(),
        "trace": f"00-{uuid4().hex}-{uuid4().hex[:16]}-01",
        "due": due,
    }
