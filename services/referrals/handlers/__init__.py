"""One function per thing that can happen to a referral."""

from services.referrals.handlers.clocks import Ending, NotPointed, NotThen, Setting, close, look_at_clocks, set_clock
from services.referrals.handlers.comparing import compare
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
from services.referrals.handlers.contacting import Contacting, reach
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
from services.referrals.handlers.identifying import Identifying, Identity, identify, identity_of
from services.referrals.handlers.journey import advance
from services.referrals.handlers.listing import Listing, NoEntry, Outcome, SameLabel
from services.referrals.handlers.listing import end as end_entry
from services.referrals.handlers.listing import put as put_entry
from services.referrals.handlers.notifying import look as look_at_subscriptions
from services.referrals.handlers.notifying import notify, record
from services.referrals.handlers.playing import Misfit, play, refuse_misfit
from services.referrals.handlers.pointing import THEMSELVES, MayNotPoint, NoWay, Pointing, Word, lead_there, point, say
from services.referrals.handlers.receive import (
    Post,
    Received,
    Revision,
    check,
    ingest,
    not_ended,
    receive,
    refuse,
    revise,
)
from services.referrals.handlers.reporting import Duty, NoSuchDuty, NotYet, Reporting, Suspicion, keep_report, suspect
from services.referrals.handlers.subscribing import Changed, NotThere, TooMany, Wish, change, subscribe
from services.referrals.handlers.telling import Counted, Told, accounts, echo, tasks_of
from services.referrals.handlers.tokens import Asking, give_token

__all__ = [
    "THEMSELVES",
    "Accounting",
    "Asking",
    "Changed",
    "Consenting",
    "Contacting",
    "Counted",
    "Details",
    "Duty",
    "Ending",
    "Guardian",
    "Identifying",
    "Identity",
    "Listing",
    "MayNotAgree",
    "MayNotPoint",
    "Misfit",
    "NoEntry",
    "NoSuchDuty",
    "NoWay",
    "NobodyKnown",
    "NotInForce",
    "NotPointed",
    "NotThen",
    "NotThere",
    "NotWaiting",
    "NotYet",
    "Outcome",
    "Pointing",
    "Post",
    "Received",
    "Reporting",
    "Revision",
    "SameLabel",
    "Screening",
    "Setting",
    "Suspicion",
    "Told",
    "TooMany",
    "Unknown",
    "Wish",
    "Word",
    "account",
    "accounts",
    "acknowledge",
    "advance",
    "agree",
    "change",
    "check",
    "close",
    "compare",
    "disclose",
    "echo",
    "end_entry",
    "give_token",
    "identify",
    "identity_of",
    "ingest",
    "keep_report",
    "lead_there",
    "learn",
    "look",
    "look_at_clocks",
    "look_at_subscriptions",
    "not_ended",
    "notify",
    "paged",
    "play",
    "point",
    "put_entry",
    "reach",
    "receive",
    "record",
    "refuse",
    "refuse_misfit",
    "revise",
    "revoke",
    "say",
    "screen",
    "set_clock",
    "still_waits",
    "subscribe",
    "suspect",
    "tasks_of",
]
