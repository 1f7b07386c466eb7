"""One function per thing that can happen to a referral."""

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
from services.referrals.handlers.telling import bodies

__all__ = [
    "Details",
    "NotWaiting",
    "Post",
    "Received",
    "Screening",
    "Unknown",
    "advance",
    "bodies",
    "check",
    "ingest",
    "learn",
    "look",
    "receive",
    "refuse",
    "revoke",
    "screen",
    "still_waits",
]
