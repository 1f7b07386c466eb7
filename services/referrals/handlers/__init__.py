"""One function per thing that can happen to a referral."""

from services.referrals.handlers.clocks import Ending, NotThen, Setting, close, look_at_clocks, set_clock
from services.referrals.handlers.consenting import (
    Accounting,
    Consenting,
    MayNotAgree,
    NobodyKnown,
    NotInForce,
    account,
    agree,
    disclose,
)
from services.referrals.handlers.danger import acknowledge, paged
from services.referrals.handlers.held import (
    Details,
    Guardian,
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
from services.referrals.handlers.playing import Misfit, play, refuse_misfit
from services.referrals.handlers.receive import Post, Received, check, ingest, receive, refuse
from services.referrals.handlers.subscribing import Changed, NotThere, TooMany, Wish, change, subscribe
from services.referrals.handlers.telling import Counted, Told, accounts, echo, tasks_of
from services.referrals.handlers.tokens import Asking, give_token

__all__ = [
    "Accounting",
    "Asking",
    "Changed",
    "Consenting",
    "Counted",
    "Details",
    "Ending",
    "Guardian",
    "MayNotAgree",
    "Misfit",
    "NobodyKnown",
    "NotInForce",
    "NotThen",
    "NotThere",
    "NotWaiting",
    "Post",
    "Received",
    "Screening",
    "Setting",
    "Told",
    "TooMany",
    "Unknown",
    "Wish",
    "account",
    "accounts",
    "acknowledge",
    "advance",
    "agree",
    "change",
    "check",
    "close",
    "disclose",
    "echo",
    "give_token",
    "ingest",
    "learn",
    "look",
    "look_at_clocks",
    "look_at_subscriptions",
    "notify",
    "paged",
    "play",
    "receive",
    "record",
    "refuse",
    "refuse_misfit",
    "revoke",
    "screen",
    "set_clock",
    "still_waits",
    "subscribe",
    "tasks_of",
]
