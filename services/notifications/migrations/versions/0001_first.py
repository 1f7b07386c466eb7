"""The first tables."""

import sqlalchemy as sa
from alembic import op

from shared.database import Json, UtcTime
from shared.mailbox import tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """This will create the tables."""
    tables.create_first(op)
    _people()
    _reminders()
    _replies()


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("person_id", sa.Uuid, primary_key=True),
        sa.Column("site_id", sa.Text, nullable=False),
        sa.Column("first_name", sa.Text),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
    )
    op.create_table(
        "reaches",
        sa.Column("person_id", sa.Uuid, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("lookup", sa.Text, nullable=False, index=True),
        sa.Column("consented_at", UtcTime, nullable=False),
    )
    op.create_table(
        "opt_outs",
        sa.Column("person_id", sa.Uuid, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_table(
        "holds",
        sa.Column("referral_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False, index=True),
        sa.Column("raised_at", UtcTime, nullable=False),
        sa.Column("cleared_at", UtcTime),
    )
    op.create_table(
        "supporters",
        sa.Column("supporter_id", sa.Uuid, primary_key=True),
        sa.Column("public_name", sa.Text, nullable=False),
    )


def _reminders() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.Uuid, primary_key=True),
        sa.Column("series_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("supporter_id", sa.Uuid),
        sa.Column("site_id", sa.Text, nullable=False),
        sa.Column("starts_at", UtcTime, nullable=False),
        sa.Column("modality", sa.Text, nullable=False),
        sa.Column("public_name", sa.Text),
        sa.Column("cancelled_at", UtcTime),
    )
    op.create_table(
        "reminders",
        sa.Column("reminder_id", sa.Uuid, primary_key=True),
        sa.Column("series_id", sa.Uuid, nullable=False, index=True),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("due", UtcTime, nullable=False),
        sa.Column("look_at", UtcTime, nullable=False),
        sa.Column("planned_at", UtcTime, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("why", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tried", Json, nullable=False),
        sa.Column("intended_at", UtcTime),
        sa.Column("sent_at", UtcTime),
        sa.Column("provider_id", sa.Text),
        sa.Column("quiet", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.UniqueConstraint("session_id", "kind", name="one_message_of_a_kind_a_session"),
    )
    op.create_index("reminders_of_a_person", "reminders", ["person_id", "intended_at"])
    op.create_index("reminders_counted", "reminders", ["quiet", "state"])


def _replies() -> None:
    op.create_table(
        "replies",
        sa.Column("reply_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, index=True),
        sa.Column("text", sa.Text),
        sa.Column("meaning", sa.Text, nullable=False),
        sa.Column("danger", sa.Boolean, nullable=False),
        sa.Column("heard_at", UtcTime, nullable=False),
    )
    op.create_table(
        "answers",
        sa.Column("answer_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("intended_at", UtcTime, nullable=False),
        sa.Column("sent_at", UtcTime),
        sa.Column("provider_id", sa.Text),
    )
    op.create_index("answers_of_a_person", "answers", ["person_id", "intended_at"])
    op.create_table(
        "pages",
        sa.Column("page_id", sa.Uuid, primary_key=True),
        sa.Column("site_id", sa.Text, nullable=False),
        sa.Column("referral_id", sa.Uuid),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("raised_at", UtcTime, nullable=False),
        sa.Column("sent_at", UtcTime),
    )
