"""Gives every open referral what must be done next, and by when."""

import json
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from alembic import op

from shared import names
from shared.clock import real
from shared.database import UtcTime
from shared.mailbox.tables import timers

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OWNED = (
    "((state in ('refused', 'completed', 'closed') and crisis_at is null) = (awaits is null)) "
    "and ((awaits is null) = (act_by is null))"
)
OPEN = sa.text("act_by is not null")
LEFT = sa.text("discharged_on is not null")
AWAITS = {
    "needs_screen": "screen", "needs_info": "ask", "accepted": "match", "waitlisted": "match", "offered": "match",
    "matched": "book", "first_scheduled": "meet", "engaged": "go_on",
}  # fmt: skip


def upgrade() -> None:
    """This will add the clock, let that of what is open already run out and ring, and let the database insist on it."""
    with op.batch_alter_table("referrals") as table:
        table.add_column(sa.Column("discharged_on", sa.Date))
        table.add_column(sa.Column("awaits", sa.Text))
        table.add_column(sa.Column("act_by", UtcTime))
        table.add_column(sa.Column("rings_at", UtcTime))
        table.add_column(sa.Column("visits_from", UtcTime))
        table.add_column(sa.Column("visits_until", UtcTime))
    _give_clocks()
    _let_them_ring()
    with op.batch_alter_table("referrals") as table:
        table.create_check_constraint("every_open_referral_has_an_owner_and_a_clock", sa.text(OWNED))
    op.create_index(
        "referrals_by_discharge",
        "referrals",
        ["organisation", "discharged_on"],
        sqlite_where=LEFT,
        postgresql_where=LEFT,
    )
    op.create_index("referrals_by_clock", "referrals", ["act_by"], sqlite_where=OPEN, postgresql_where=OPEN)


def _give_clocks() -> None:
    names = ("state", "awaits")
    kept = sa.table(
        "referrals",
        *(sa.column(each, sa.Text) for each in names),
        *(sa.column(each, UtcTime) for each in ("act_by", "crisis_at", "acknowledged_at")),
    )
    for state, step in AWAITS.items():
        op.execute(kept.update().where(kept.c.state == state).values(awaits=step, act_by=real()))
    raised, taken = kept.c.crisis_at.is_not(None), kept.c.acknowledged_at.is_not(None)
    op.execute(kept.update().where(raised).values(awaits="answer", act_by=kept.c.crisis_at))
    op.execute(kept.update().where(raised, taken).values(awaits="phone", act_by=kept.c.crisis_at))


def _let_them_ring() -> None:
    """This will plan the timers of clocks that are nobody's task yet; those of tests do not ring."""
    kept = sa.table(
        "referrals",
        *(sa.column(each, sa.Uuid) for each in ("referral_id", "person_id")),
        *(sa.column(each, UtcTime) for each in ("act_by", "rings_at")),
        sa.column("awaits", sa.Text),
        sa.column("test", sa.Boolean),
    )
    rings = kept.c.awaits.in_(("match", "book", "meet", "go_on")) & ~kept.c.test
    columns = kept.c.referral_id, kept.c.person_id, kept.c.act_by
    rows = [_timer(*row) for row in op.get_bind().execute(sa.select(*columns).where(rings))]
    if rows:
        op.get_bind().execute(sa.insert(timers), rows)
    op.execute(kept.update().where(rings).values(rings_at=kept.c.act_by))


def _timer(referral_id: UUID, person_id: UUID, due: datetime) -> dict[str, object]:
    body = {"referral_id": str(referral_id), "person_id": str(person_id)}
    return {
        "timer_id": uuid4(),
        "partition": names.partition(str(person_id)),
        "type": "referrals.referral-fell-due.v1",
        "body": json.dumps(body).encode(),
        "trace": f"00-{uuid4().hex}-{uuid4().hex[:16]}-01",
        "due": due,
    }
