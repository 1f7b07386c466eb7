"""Whether a message is still wanted when its moment comes, and what its provider's answer makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from services.notifications.rules import timing
from shared.events.notifications import Channel, FailReason, ReminderKind, SkipReason

State = Literal["due", "sending", "accepted", "delivered", "unknown", "failed", "skipped"]
Outcome = Literal["accepted", "refused", "unreachable", "unknown"]
"""What a provider made of a message: `unreachable` never got it, of `unknown` nobody can tell."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A meeting as far as messages need it."""

    session_id: UUID
    series_id: UUID
    person_id: UUID
    site_id: str
    starts_at: datetime
    modality: str
    public_name: str | None
    cancelled: bool


@dataclass(frozen=True, kw_only=True)
class Reach:
    """One consented way to reach a person; e-mail and phone addresses are as normalised."""

    channel: Channel
    address: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person as far as messages need it: `reaches` in the person's order, only consented ones."""

    person_id: UUID
    site_id: str
    language: str
    zone: ZoneInfo
    reaches: tuple[Reach, ...]
    opted_out: bool = False
    in_crisis: bool = False
    consent_revoked: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What keeps somebody from being written to; `agreed_at` is the last consent in force, `refused_at` when all ended.

    Of somebody who agreed to nothing both are missing.
    """

    opted_out: bool = False
    in_crisis: bool = False
    agreed_at: datetime | None = None
    refused_at: datetime | None = None


def as_one(person: Person, standings: Mapping[UUID, Standing]) -> Person:
    """This will give a person as everybody who is one human being with them stands, by person, themselves among them.

    A STOP or a crisis of one is everybody's. So is a refusal, for whoever agreed to nothing after it themselves: nobody
    agrees for another's record, and who took everything back themselves is refused whatever the others agreed to.
    """
    refused = [each.refused_at for one, each in standings.items() if one != person.person_id and each.refused_at]
    agreed_at = standings[person.person_id].agreed_at
    return replace(
        person,
        opted_out=any(each.opted_out for each in standings.values()),
        in_crisis=any(each.in_crisis for each in standings.values()),
        consent_revoked=person.consent_revoked or any(not agreed_at or agreed_at <= each for each in refused),
    )


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """A planned message and how far it has come; `tried` are channels that did not take it, `failed` why the last."""

    reminder_id: UUID
    session_id: UUID
    person_id: UUID
    kind: ReminderKind
    due: datetime
    state: State
    planned_at: datetime
    look_at: datetime
    channel: Channel | None = None
    attempt: int = 0
    tried: tuple[str, ...] = ()
    failed: FailReason = "refused"


@dataclass(frozen=True)
class Send:
    """It is wanted: by this channel."""

    channel: Channel


@dataclass(frozen=True)
class Skip:
    """It is not wanted any more."""

    why: SkipReason


@dataclass(frozen=True)
class Wait:
    """Not yet: look again at that moment."""

    until: datetime


@dataclass(frozen=True)
class Lost:
    """No channel took it, or nobody knows and a repeat might reach the person twice: people look at it."""

    reason: FailReason


@dataclass(frozen=True)
class Limits:
    """How much and how late a person may be written to, and how often one message is tried at one provider."""

    hours: timing.Hours
    a_day: int = 1
    a_week: int = 3
    late: timedelta = timedelta(hours=6)
    contact: timedelta = timedelta(hours=24)
    attempts: int = 6
    pause: timedelta = timedelta(minutes=1)


Decision = Send | Skip | Wait | Lost


def decide(
    reminder: Reminder, session: Session, person: Person | None, *, sent: list[datetime], now: datetime, limits: Limits
) -> Decision:
    """This will say what to do with a message whose moment has come; `sent` are the person's other messages of late."""
    if reminder.state == "sending":
        return _repeat(reminder, session, person, now=now, limits=limits)
    if session.cancelled:
        return Skip("cancelled")
    if now > session.starts_at - timing.LATEST:
        return Skip("too_late")
    if person is None:
        return _without_contact(reminder, now=now, limits=limits)
    unwanted = _unwanted(person) or _untimely(reminder, person, now=now, limits=limits)
    return unwanted or _by_channel(reminder, person, sent=sent, now=now, limits=limits)


def _repeat(
    reminder: Reminder, session: Session, person: Person | None, *, now: datetime, limits: Limits
) -> Send | Lost:
    """This will repeat a message nobody knows the fate of by the same channel, unless it is not wanted any more."""
    if person is None or reminder.channel is None or session.cancelled or _unwanted(person):
        return Lost("unknown")
    late = now > session.starts_at - timing.LATEST
    quiet = timing.is_quiet(now, zone=person.zone, hours=limits.hours)
    return Lost("unknown") if late or quiet else Send(reminder.channel)


def _without_contact(reminder: Reminder, *, now: datetime, limits: Limits) -> Skip | Wait:
    """This will let a confirmation wait for the contact data that may arrive after the series, but not for ever."""
    bound = reminder.planned_at + limits.contact
    if reminder.kind == "confirmation" and now < bound:
        return Wait(bound)
    return Skip("no_consented_channel")


def withdrawn(session: Session, person: Person) -> Skip | None:
    """This will say why a message must not leave after all, asked a last time just before the provider is called."""
    return Skip("cancelled") if session.cancelled else _unwanted(person)


def _unwanted(person: Person) -> Skip | None:
    if person.opted_out:
        return Skip("opted_out")
    if person.in_crisis:
        return Skip("held")
    return Skip("consent_revoked") if person.consent_revoked else None


def _untimely(reminder: Reminder, person: Person, *, now: datetime, limits: Limits) -> Skip | Wait | None:
    """This will keep quiet hours even when the house was late: what can wait for morning waits, the rest is skipped."""
    moment = timing.next_allowed(now, zone=person.zone, hours=limits.hours)
    if reminder.kind != "confirmation" and moment - reminder.due > limits.late:
        return Skip("too_late")
    return Wait(moment) if moment > now else None


def _by_channel(
    reminder: Reminder, person: Person, *, sent: list[datetime], now: datetime, limits: Limits
) -> Send | Skip | Lost:
    channel = next_channel(person, tried=reminder.tried)
    if channel is None:
        return Lost(reminder.failed) if reminder.tried else Skip("no_consented_channel")
    return Skip("cap") if over_cap(sent, zone=person.zone, now=now, limits=limits) else Send(channel)


def next_channel(person: Person, *, tried: tuple[str, ...]) -> Channel | None:
    """This will give the person's first consented channel that has not refused the message yet; voice is not built."""
    return next((each.channel for each in person.reaches if each.channel not in (*tried, "voice")), None)


def over_cap(sent: list[datetime], *, zone: ZoneInfo, now: datetime, limits: Limits) -> bool:
    """This will say whether one more message would be too many: of the local day, or of seven local days."""
    today = now.astimezone(zone).date()
    ages = [(today - each.astimezone(zone).date()).days for each in sent]
    return sum(age <= 0 for age in ages) >= limits.a_day or sum(age < 7 for age in ages) >= limits.a_week


@dataclass(frozen=True)
class Done:
    """The provider took it."""


@dataclass(frozen=True)
class Elsewhere:
    """The channel did not take it: it is due again, by the next one."""

    reason: FailReason


@dataclass(frozen=True)
class Later:
    """The provider never got it: it is due again at that moment, by the same channel."""

    at: datetime


@dataclass(frozen=True)
class Again:
    """Nobody knows, but the provider drops repeats: the same key is tried again at that moment."""

    at: datetime


Aftermath = Done | Elsewhere | Later | Again | Lost


def after(outcome: Outcome, reminder: Reminder, *, dedups: bool, now: datetime, limits: Limits) -> Aftermath:
    """This will say what a provider's answer means for a message in the state `sending`; pauses double.

    What may have left at an earlier attempt is not known to be unsent because this one got nowhere.
    """
    pause = limits.pause * 2 ** max(reminder.attempt - 1, 0)
    again = reminder.attempt < limits.attempts
    if outcome == "unreachable" and reminder.failed == "unknown":
        outcome = "unknown"
    if outcome == "accepted":
        return Done()
    if outcome == "refused":
        return Elsewhere("refused")
    if outcome == "unreachable":
        return Later(now + pause) if again else Elsewhere("unreachable")
    return Again(now + pause) if dedups and again else Lost("unknown")


def message_key(about: UUID, channel: Channel) -> str:
    """This will give the key by which a provider knows a message again, whoever asks and however often."""
    return str(uuid5(about, channel))
