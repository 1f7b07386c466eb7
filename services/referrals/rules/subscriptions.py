"""When a subscriber is called and with what: first a handshake, then what happened, in order, and signs of life."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Status = Literal["requested", "active", "error", "off"]
Content = Literal["empty", "id-only"]
Kind = Literal["handshake", "heartbeat", "event-notification"]

GONE = timedelta(hours=72)
"""After so long without an answer nobody is called any more."""

PAUSES = tuple(timedelta(seconds=each) for each in (10, 30, 120, 600, 1_800, 3_600))
"""Before each further try; the last one is repeated."""

AT_MOST = 10
"""Subscriptions of one organisation."""

NOT_TAKEN = "The endpoint could not be reached, or did not answer with success."
"""All that a subscriber is told of a call that failed: never what lies behind it."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an organisation asks for: where it is called, what it is told there, and how often it hears at least."""

    endpoint: str
    headers: dict[str, str] = field(default_factory=dict)
    content: Content
    reason: str
    heartbeat: timedelta | None = None
    timeout: int
    most: int
    ends_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A subscription as it stands.

    `numbered` is the last event that was given a number, `turn` counts calls, `calling` is what is under way; `shaken`
    says that the endpoint took the handshake, `look_at` when the next look is planned.
    """

    subscription_id: UUID
    organisation: str
    wanted: Wanted
    changed_at: datetime
    status: Status = "requested"
    shaken: bool = False
    numbered: int = 0
    turn: int = 0
    calling: Kind | None = None
    failures: int = 0
    failing_since: datetime | None = None
    next_try: datetime | None = None
    heard_at: datetime | None = None
    look_at: datetime | None = None


def due(known: Subscription, *, news: bool, now: datetime) -> Kind | None:
    """This will say what a subscriber is to be called with now; None where nothing is to be said, or not yet.

    `news` says that events wait for it.
    """
    if known.status == "off" or known.calling or (known.next_try and now < known.next_try):
        return None
    if not known.shaken:
        return "handshake"
    if news:
        return "event-notification"
    return "heartbeat" if _heartbeat_at(known, now) <= now else None


def _heartbeat_at(known: Subscription, now: datetime) -> datetime:
    if known.wanted.heartbeat is None:
        return now + GONE
    return (known.heard_at or known.changed_at) + known.wanted.heartbeat


def look_again(known: Subscription, *, now: datetime) -> datetime | None:
    """This will say when to look at a subscription by itself: None while a call is under way, or nothing comes."""
    if known.status == "off" or known.calling:
        return None
    pause = known.next_try if known.next_try and now < known.next_try else None
    heartbeat = _heartbeat_at(known, now) if known.shaken and known.wanted.heartbeat else None
    return min((each for each in (pause or heartbeat, known.wanted.ends_at) if each), default=None)


def is_over(known: Subscription, *, now: datetime) -> bool:
    """This will say whether a subscription is still on, and has reached the end that was asked for."""
    return known.status != "off" and known.wanted.ends_at is not None and known.wanted.ends_at <= now


def called(known: Subscription, kind: Kind) -> Subscription:
    """This will begin a call."""
    return replace(known, calling=kind, turn=known.turn + 1)


def ended(known: Subscription, *, now: datetime) -> Subscription:
    """This will let a subscription be off: nothing more is said."""
    return replace(known, status="off", calling=None, next_try=None, look_at=None, changed_at=now)


def answered(known: Subscription, *, taken: bool, now: datetime) -> Subscription:
    """This will keep how a call ended: with a pause before the next where it failed, and off after three days of that.

    Where it was taken, all that failed before is forgiven.
    """
    if taken:
        changed_at = known.changed_at if known.status == "active" else now
        well = replace(known, status="active", shaken=True, calling=None, heard_at=now, changed_at=changed_at)
        return replace(well, failures=0, failing_since=None, next_try=None)
    since = known.failing_since or now
    if now - since >= GONE:
        return ended(replace(known, failing_since=since), now=now)
    pause = PAUSES[min(known.failures, len(PAUSES) - 1)]
    changed_at = known.changed_at if known.status == "error" else now
    failed = replace(known, status="error", calling=None, failures=known.failures + 1, changed_at=changed_at)
    return replace(failed, failing_since=since, next_try=min(now + pause, since + GONE))


def asked_anew(known: Subscription, wanted: Wanted, *, off: bool, now: datetime) -> Subscription:
    """This will take other wishes of a subscriber: they begin with a handshake, or end; events count on."""
    fresh = Subscription(
        subscription_id=known.subscription_id,
        organisation=known.organisation,
        wanted=wanted,
        changed_at=now,
        numbered=known.numbered,
        turn=known.turn + 1,
    )
    return ended(fresh, now=now) if off else fresh


def error(known: Subscription) -> str | None:
    """This will give what a subscriber is told of calls that fail; None where none does."""
    return NOT_TAKEN if known.failing_since else None
