"""One function per thing that can happen to a referral."""

from services.referrals.handlers.danger import acknowledge, paged
from services.referrals.handlers.held import (
    Details,
    NotWaiting,
    Screening,
    Unknown,
    learn,
    look,
    revoke,
    screen,
    still_waits,
)
from services.referrals.handlers.journey import advance
from services.referrals.handlers.notifying import look as look_at_subscriptions
from services.referrals.handlers.notifying import notify, record
from services.referrals.handlers.playing import Mixed, play, refuse_mixed
from services.referrals.handlers.receive import Post, Received, check, ingest, receive, refuse
from services.referrals.handlers.subscribing import Changed, NotThere, TooMany, Wish, change, subscribe
from services.referrals.handlers.telling import bodies, echo
from services.referrals.handlers.tokens import Asking, give_token

__all__ = [
    "Asking",
    "Changed",
    "Details",
    "Mixed",
    "NotThere",
    "NotWaiting",
    "Post",
    "Received",
    "Screening",
    "TooMany",
    "Unknown",
    "Wish",
    "acknowledge",
    "advance",
    "bodies",
    "change",
    "check",
    "echo",
    "give_token",
    "ingest",
    "learn",
    "look",
    "look_at_subscriptions",
    "notify",
    "paged",
    "play",
    "receive",
    "record",
    "refuse",
    "refuse_mixed",
    "revoke",
    "screen",
    "still_waits",
    "subscribe",
]
