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
from services.referrals.handlers.receive import Post, Received, check, ingest, receive, refuse
from services.referrals.handlers.telling import bodies, echo
from services.referrals.handlers.tokens import Asking, give_token

__all__ = [
    "Asking",
    "Details",
    "NotWaiting",
    "Post",
    "Received",
    "Screening",
    "Unknown",
    "acknowledge",
    "advance",
    "bodies",
    "check",
    "echo",
    "give_token",
    "ingest",
    "learn",
    "look",
    "paged",
    "receive",
    "refuse",
    "revoke",
    "screen",
    "still_waits",
]
