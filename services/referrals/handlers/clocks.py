"""Rings the clocks of referrals, and lets a named person set one, or close a referral for a reason."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.held import NotWaiting, one_alone, written_down
from services.referrals.handlers.outcomes import Follows, settle
from services.referrals.handlers.telling import tell
from services.referrals.handlers.winding import CLOCK_TASKS, ran_out, ringing, wind
from services.referrals.rules import clock
from services.referrals.rules.journey import MAY_END
from services.referrals.rules.seeing import Closing
from shared.clock import now
from shared.events.referrals import ReferralClosed, ReferralFellDue, ReferralLinked
from shared.mailbox import Later, Reply
from shared.programme import Programme
from shared.work import close_tasks, open_each

LONGEST = timedelta(days=60)
"""How far a clock may be set: nobody is put off for ever."""


class NotThen(ValueError):
    """A clock cannot be set to this moment."""


class NotPointed(ValueError):
    """A referral cannot end as linked: the person was pointed to nothing."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Until when a named person gives a referral's owner, and why."""

    referral_id: UUID
    by: str
    reason: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Why a named person closes a referral; `note` is for the programme's own people."""

    referral_id: UUID
    by: str
    reason: Closing
    note: str | None = None


async def look_at_clocks(rung: list[ReferralFellDue], db: AsyncConnection, *, programme: Programme) -> list[Later]:
    """This will put referrals whose clock has run out before their owners, and ring again where it has not."""
    at = now()
    known = await store.alone(db, {each.referral_id for each in rung})
    looked = [replace(each, rings_at=None) for each in known.values()]
    tasks = [ran_out(each, programme=programme, at=at) for each in looked]
    await open_each(db, [each for each in tasks if each])
    again = [(each, []) if each.act_by and each.act_by <= at else ringing(each, at=at) for each in looked]
    await store.move(db, [each for each, _ in again])
    return [later for _, some in again for later in some]


async def set_clock(setting: Setting, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will give a referral's owner until another moment, as a named person says."""
    referral, at = await one_alone(db, setting.referral_id), now()
    if referral.awaits is None or referral.awaits in clock.HAVE_A_TASK:
        raise NotWaiting
    if not at < setting.until <= at + LONGEST:
        raise NotThen
    wound, later = ringing(replace(referral, act_by=setting.until), at=at)
    await store.move(db, [wound])
    await store.note(db, [written_down(wound, "clock_set", setting.by, setting.reason)])
    await close_tasks(db, kind=CLOCK_TASKS, abouts=[str(wound.referral_id)], by=setting.by)
    return Reply(wound.state, [*later, *await tell(db, [wound], programme=programme)])


async def close(ending: Ending, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will end a referral for a reason, where nobody walks beside the person, and tell everybody who may know."""
    referral = await one_alone(db, ending.referral_id)
    if referral.state not in MAY_END or referral.crisis_at:
        raise NotWaiting
    if ending.reason == "linked" and not await store.pointers_of(db, ending.referral_id):
        raise NotPointed
    ended = replace(referral, state="closed", reasons=(ending.reason,))
    closed, _ = wind(ended, programme=programme, at=now())
    await store.change(db, [closed])
    entry = written_down(closed, "closed", ending.by, ending.note)
    fact = _ended(closed, ending.reason)
    said = await settle(db, [Follows(said=[fact], entries=[entry], over=[closed.referral_id])])
    return Reply(closed.state, [*said, *await tell(db, [closed], programme=programme)])


def _ended(referral: store.Referral, reason: Closing) -> ReferralClosed | ReferralLinked:
    """This will give what other services hear of the end: of who was linked to something, not what it is."""
    if reason == "linked":
        return ReferralLinked(referral_id=referral.referral_id, person_id=referral.person_id)
    return ReferralClosed(referral_id=referral.referral_id, person_id=referral.person_id, reason=reason)
