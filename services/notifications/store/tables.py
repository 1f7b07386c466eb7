"""The tables of this service's own database."""

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint, Uuid, false

from shared.database import Json, UtcTime
from shared.mailbox import tables as shared_tables
from shared.sealed_columns import Sealed

metadata = MetaData()

people = Table(
    "people",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("site_id", Text, nullable=False),
    Column("first_name", Sealed("people.first_name")),
    Column("language", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("learnt_at", UtcTime),
)
"""Who may be written to; `learnt_at` is when the programme learnt from them how they are reached."""

reaches = Table(
    "reaches",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("address", Sealed("reaches.address"), nullable=False),
    Column("lookup", Text, nullable=False, index=True),
    Column("consented_at", UtcTime, nullable=False),
)
"""The ways a person agreed to be reached, in the person's order; `lookup` finds who writes from an address."""

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

opt_ins = Table(
    "opt_ins",
    metadata,
    Column("opt_in_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("reason", Sealed("opt_ins.reason"), nullable=False),
    Column("at", UtcTime, nullable=False),
)
"""Who at the programme lifted a person's STOP, and why: by START people do it themselves."""

holds = Table(
    "holds",
    metadata,
    Column("referral_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("raised_at", UtcTime, nullable=False),
    Column("acknowledged_at", UtcTime),
    Column("cleared_at", UtcTime),
)
"""While a referral of a person is in crisis review, a person speaks with them, not a machine; `acknowledged_at` is when
somebody took in hand what was raised at `raised_at`."""

supporters = Table(
    "supporters",
    metadata,
    Column("supporter_id", Uuid, primary_key=True),
    Column("public_name", Text, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("series_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("supporter_id", Uuid),
    Column("site_id", Text, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("modality", Text, nullable=False),
    Column("public_name", Text),
    Column("cancelled_at", UtcTime),
)

reminders = Table(
    "reminders",
    metadata,
    Column("reminder_id", Uuid, primary_key=True),
    Column("series_id", Uuid, nullable=False, index=True),
    Column("session_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("due", UtcTime, nullable=False),
    Column("look_at", UtcTime, nullable=False),
    Column("planned_at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text),
    Column("channel", Text),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("tried", Json, nullable=False),
    Column("intended_at", UtcTime),
    Column("sent_at", UtcTime),
    Column("provider_id", Text),
    Column("quiet", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("session_id", "kind", name="one_message_of_a_kind_a_session"),
    Index("reminders_of_a_person", "person_id", "intended_at"),
    Index("reminders_counted", "quiet", "state"),
)
"""`due` is the planned moment, `look_at` the next look; `intended_at` is when it was given to a channel, and `quiet`
says that it left in the recipient's quiet hours, which must never be.

No index begins with `state`: SQLite would take it for the messages of a few people, and read all that are due."""

replies = Table(
    "replies",
    metadata,
    Column("reply_id", Uuid, primary_key=True),
    Column("person_id", Uuid, index=True),
    Column("text", Sealed("replies.text")),
    Column("meaning", Text, nullable=False),
    Column("danger", Boolean, nullable=False),
    Column("heard_at", UtcTime, nullable=False),
)
"""What people wrote; of a number nobody knows neither number nor text is kept."""

answers = Table(
    "answers",
    metadata,
    Column("answer_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("intended_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("provider_id", Text),
    Index("answers_of_a_person", "person_id", "intended_at"),
)

pages = Table(
    "pages",
    metadata,
    Column("page_id", Uuid, primary_key=True),
    Column("site_id", Text, nullable=False),
    Column("referral_id", Uuid),
    Column("step", Integer, nullable=False, server_default="1"),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("raised_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
)

shared_tables.add_to(metadata)
