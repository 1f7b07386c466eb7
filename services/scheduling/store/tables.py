"""The tables of this service; when two sessions may not overlap, the database refuses (see the first migration)."""

from typing import Any

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, MetaData, Table, Text, Uuid, text

from shared.database import Json, UtcTime
from shared.mailbox.tables import add_to
from shared.sealed_columns import Sealed, SealedJson

metadata = add_to(MetaData())

series = Table(
    "series",
    metadata,
    Column("series_id", Uuid, primary_key=True),
    Column("match_id", Uuid, nullable=False),
    Column("referral_id", Uuid),
    Column("person_id", Uuid, nullable=False),
    Column("supporter_id", Uuid),
    Column("site_id", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("state", Text, nullable=False),
)
"""`state` is booked, unbooked (no common time yet) or ended."""

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("series_id", Uuid, ForeignKey("series.series_id"), nullable=False),
    Column("supporter_id", Uuid),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("local_start", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("modality", Text, nullable=False),
    Column("state", Text, nullable=False),
    Index("sessions_by_time", "starts_at", "session_id"),
    Index("sessions_of_supporter", "supporter_id", "starts_at"),
)
"""When, where and by whom; `state` is booked, held, missed or cancelled."""

INSURED: dict[str, Any] = dict.fromkeys(("postgresql_where", "sqlite_where"), text("payer is not null"))

seats = Table(
    "seats",
    metadata,
    Column("seat_id", Uuid, primary_key=True),
    Column("session_id", Uuid, ForeignKey("sessions.session_id"), nullable=False, index=True),
    Column("series_id", Uuid, nullable=False, index=True),
    Column("person_id", Uuid, nullable=False),
    Column("referral_id", Uuid),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    Column("minutes", Integer),
    Column("started_at", UtcTime),
    Column("note_status", Text, nullable=False),
    Column("note", SealedJson("seats.note")),
    Column("recorded", SealedJson("seats.recorded")),
    Column("recorded_at", UtcTime),
    Column("coverage_id", Uuid),
    Column("payer", Text),
    Column("plan_id", Text),
    Column("service_date", Date),
    Column("code", Text),
    Column("modifiers", Json),
    Column("place_of_service", Text),
    Column("rule_version", Text),
    Column("units_delivered", Integer),
    Column("units_covered", Integer),
    Column("denied", Json),
    Column("authorisation", Sealed("seats.authorisation")),
    Column("authorised_left", Integer),
    Column("version", Integer, nullable=False),
    Column("changed_at", UtcTime),
    Index("seats_of_person", "person_id", "starts_at"),
    Index("seats_of_payer", "payer", "service_date", "seat_id", **INSURED),
    Index("seats_changed", "payer", "changed_at", "seat_id", **INSURED),
)
"""Who takes part: outcome, actual minutes, note and coverage; `recorded` says who recorded it and why it was mended.

A seat to come has no payer, and stays out of the payers' indexes."""

supporters = Table(
    "supporters",
    metadata,
    Column("supporter_id", Uuid, primary_key=True),
    Column("public_name", Text, nullable=False),
    Column("npi", Text),
    Column("credential", Text),
    Column("credential_to", Date),
    Column("networks", Json, nullable=False),
    Column("volunteer", Boolean, nullable=False),
    Column("organisation", Text),
    Column("hosts", Json),
)
"""`organisation` and `hosts` hold their sessions; of who was registered before that was told, nobody does."""

coverages = Table(
    "coverages",
    metadata,
    Column("coverage_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("referral_id", Uuid, nullable=False),
    Column("payer", Text, nullable=False),
    Column("plan_id", Text, nullable=False),
    Column("member_key", Text, nullable=False, index=True),
    Column("member", SealedJson("coverages.member"), nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("heard_at", UtcTime, nullable=False),
)
"""Who insures whom; `member` holds everything that could name a person, `member_key` finds a member again."""

statements = Table(
    "statements",
    metadata,
    Column("statement_id", Uuid, primary_key=True),
    Column("payer", Text, nullable=False),
    Column("member_key", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("words", SealedJson("statements.words"), nullable=False),
    Column("as_of", UtcTime, nullable=False),
    Column("heard_at", UtcTime, nullable=False),
    Index("statements_by_age", "heard_at"),
)
"""What insurers told of members last, whether or not anybody here is that member; `kind` as it was posted,
`heard_at` when, or when it was last looked at whether anybody here is that member."""

labels = Table(
    "labels",
    metadata,
    Column("referral_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("part2", Boolean, nullable=False),
)
"""Which referrals are under 42 CFR Part 2."""

disclosures = Table(
    "disclosures",
    metadata,
    Column("disclosure_id", Uuid, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("payer", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("filters", Json, nullable=False),
    Column("asked", SealedJson("disclosures.asked"), nullable=False),
    Column("count", Integer, nullable=False),
    Index("disclosures_by_time", "payer", "at"),
)
"""Every answer an insurer got: who asked, by which kinds of filter, when, and how many rows went out."""
