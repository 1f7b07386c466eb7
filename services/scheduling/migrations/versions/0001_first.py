"""Series, sessions, seats, coverage and disclosures; no two sessions of a supporter or a person overlap."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.database import Json, UtcTime, no_overlap
from shared.mailbox.tables import create_first
from shared.sealed_columns import Sealed, SealedJson

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_first(op)
    _meetings()
    _seats()
    _people()
    _disclosures()
    free = {"starts": "starts_at", "ends": "ends_at", "unless": "state = 'cancelled'"}
    no_overlap(op, name="one_session_at_a_time", table="sessions", key="supporter_id", **free)
    no_overlap(op, name="one_seat_at_a_time", table="seats", key="person_id", **free)


def _meetings() -> None:
    op.create_table(
        "series",
        sa.Column("series_id", sa.Uuid, primary_key=True),
        sa.Column("match_id", sa.Uuid, nullable=False),
        sa.Column("referral_id", sa.Uuid),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("supporter_id", sa.Uuid),
        sa.Column("site_id", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.Uuid, primary_key=True),
        sa.Column("series_id", sa.Uuid, sa.ForeignKey("series.series_id"), nullable=False),
        sa.Column("supporter_id", sa.Uuid),
        sa.Column("starts_at", UtcTime, nullable=False),
        sa.Column("ends_at", UtcTime, nullable=False),
        sa.Column("local_start", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("modality", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_index("sessions_by_time", "sessions", ["starts_at", "session_id"])
    op.create_index("sessions_of_supporter", "sessions", ["supporter_id", "starts_at"])


def _seats() -> None:
    op.create_table(
        "seats",
        sa.Column("seat_id", sa.Uuid, primary_key=True),
        sa.Column("session_id", sa.Uuid, sa.ForeignKey("sessions.session_id"), nullable=False),
        sa.Column("series_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("referral_id", sa.Uuid),
        sa.Column("starts_at", UtcTime, nullable=False),
        sa.Column("ends_at", UtcTime, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("minutes", sa.Integer),
        sa.Column("started_at", UtcTime),
        sa.Column("note_status", sa.Text, nullable=False),
        sa.Column("note", SealedJson("seats.note")),
        sa.Column("recorded", SealedJson("seats.recorded")),
        sa.Column("recorded_at", UtcTime),
        sa.Column("coverage_id", sa.Uuid),
        sa.Column("payer", sa.Text),
        sa.Column("plan_id", sa.Text),
        sa.Column("service_date", sa.Date),
        sa.Column("code", sa.Text),
        sa.Column("modifiers", Json),
        sa.Column("place_of_service", sa.Text),
        sa.Column("rule_version", sa.Text),
        sa.Column("units_delivered", sa.Integer),
        sa.Column("units_covered", sa.Integer),
        sa.Column("denied", Json),
        sa.Column("authorisation", Sealed("seats.authorisation")),
        sa.Column("authorised_left", sa.Integer),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_at", UtcTime),
    )
    op.create_index("ix_seats_session_id", "seats", ["session_id"])
    op.create_index("ix_seats_series_id", "seats", ["series_id"])
    op.create_index("seats_of_person", "seats", ["person_id", "starts_at"])
    insured: dict[str, Any] = {
        "postgresql_where": sa.text("payer is not null"),
        "sqlite_where": sa.text("payer is not null"),
    }
    op.create_index("seats_of_payer", "seats", ["payer", "service_date", "seat_id"], **insured)
    op.create_index("seats_changed", "seats", ["payer", "changed_at", "seat_id"], **insured)


def _people() -> None:
    op.create_table(
        "supporters",
        sa.Column("supporter_id", sa.Uuid, primary_key=True),
        sa.Column("public_name", sa.Text, nullable=False),
        sa.Column("npi", sa.Text),
        sa.Column("credential", sa.Text),
        sa.Column("credential_to", sa.Date),
        sa.Column("networks", Json, nullable=False),
        sa.Column("volunteer", sa.Boolean, nullable=False),
    )
    op.create_table(
        "coverages",
        sa.Column("coverage_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("referral_id", sa.Uuid, nullable=False),
        sa.Column("payer", sa.Text, nullable=False),
        sa.Column("plan_id", sa.Text, nullable=False),
        sa.Column("member_key", sa.Text, nullable=False),
        sa.Column("member", SealedJson("coverages.member"), nullable=False),
        sa.Column("restricted", sa.Boolean, nullable=False),
        sa.Column("heard_at", UtcTime, nullable=False),
    )
    op.create_index("ix_coverages_person_id", "coverages", ["person_id"])
    op.create_index("ix_coverages_member_key", "coverages", ["member_key"])
    op.create_table(
        "labels",
        sa.Column("referral_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("part2", sa.Boolean, nullable=False),
    )
    op.create_index("ix_labels_person_id", "labels", ["person_id"])


def _disclosures() -> None:
    op.create_table(
        "disclosures",
        sa.Column("disclosure_id", sa.Uuid, primary_key=True),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("payer", sa.Text, nullable=False),
        sa.Column("edge", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("filters", Json, nullable=False),
        sa.Column("asked", SealedJson("disclosures.asked"), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_index("disclosures_by_time", "disclosures", ["payer", "at"])
