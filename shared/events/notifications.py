"""What the notifications service says: what will be sent, what was, and what people answered."""

from typing import Literal
from uuid import UUID

from shared.events.fact import Fact, Instant, Timer, Value

Channel = Literal["sms", "email", "voice"]
ReminderKind = Literal["confirmation", "3d", "1d"]
SkipReason = Literal[
    "cancelled", "moved", "opted_out", "no_consented_channel", "too_late", "held", "cap", "consent_revoked"
]
FailReason = Literal["refused", "unreachable", "unknown"]
AnswerKind = Literal["stop_confirmed", "start_confirmed", "help", "emergency"]


class PlannedReminder(Value):
    """One message: before a session of the series, or a confirmation, which is about the first one ahead."""

    reminder_id: UUID
    session_id: UUID
    kind: ReminderKind
    due: Instant


class RemindersPlanned(Fact):
    """The messages that are planned for a series, in one fact, each for its moment `due`."""

    KEY = "person_id"
    series_id: UUID
    person_id: UUID
    reminders: list[PlannedReminder]


class ReminderFellDue(Timer):
    """A planned message's moment has come (a timer: it rings, and the rule looks whether it is still wanted)."""

    KEY = "person_id"
    reminder_id: UUID
    person_id: UUID


class ReminderSent(Fact):
    """A provider took the message."""

    KEY = "person_id"
    reminder_id: UUID
    session_id: UUID
    person_id: UUID
    kind: ReminderKind
    channel: Channel
    sent_at: Instant


class ReminderSkipped(Fact):
    """A planned message was no longer wanted at its moment."""

    KEY = "person_id"
    reminder_id: UUID
    session_id: UUID
    person_id: UUID
    why: SkipReason


class ReminderFailed(Fact):
    """No consented channel took the message; staff have a task."""

    KEY = "person_id"
    reminder_id: UUID
    session_id: UUID
    person_id: UUID
    reason: FailReason


class OptedOut(Fact):
    """The person wants no more texts: at once, for all of them."""

    KEY = "person_id"
    person_id: UUID
    channel: Channel
    at: Instant


class VisitAnswered(Fact):
    """The person answered a reminder: 1 coming, 2 another time, 3 cannot come."""

    KEY = "person_id"
    person_id: UUID
    session_id: UUID
    answer: Literal["coming", "new_time", "cannot_come"]
    at: Instant


class OnCallPaged(Fact):
    """The pager took the page about a danger sign, the one raised at `raised_at`."""

    KEY = "person_id"
    page_id: UUID
    person_id: UUID
    referral_id: UUID
    raised_at: Instant
    paged_at: Instant


class SendReminder(Fact):
    """A planned message is to be given to a provider (an errand: an intent of this service, never said)."""

    KEY = "person_id"
    reminder_id: UUID
    person_id: UUID
    channel: Channel
    attempt: int


class SendAnswer(Fact):
    """An answer to what a person wrote is to be given to a provider (an errand, never said)."""

    KEY = "person_id"
    answer_id: UUID
    person_id: UUID
    kind: AnswerKind
    attempt: int


class PageOnCall(Fact):
    """Somebody of a site is to be paged (an errand, never said); ids only.

    `step` is whom: 1 the on-call person, 2 the second, 3 and later the manager; `raised_at` when the danger was raised
    that it is about.
    """

    KEY = "page_id"
    page_id: UUID
    site_id: str
    referral_id: UUID | None = None
    raised_at: Instant | None = None
    step: int = 1
    attempt: int


class PageUnanswered(Timer):
    """A page may have been heard by nobody: who is next is to be paged, unless somebody took it in hand by now.

    `about` is what was paged about: a reply, or a danger sign of a referral.
    """

    KEY = "about"
    about: UUID
    site_id: str
    referral_id: UUID | None = None
    raised_at: Instant | None = None
    step: int


class PageFellDue(Timer):
    """A page that did not get through is to be tried again (a timer, never said)."""

    KEY = "page_id"
    page_id: UUID
