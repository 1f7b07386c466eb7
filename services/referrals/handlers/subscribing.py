"""Organisations subscribe to what becomes of their referrals, change that, and end it."""

from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.notifying import lay_off, look_at
from services.referrals.rules.subscriptions import AT_MOST, Subscription, Wanted, asked_anew
from shared.clock import now
from shared.mailbox import Reply


class TooMany(ValueError):
    """An organisation has as many subscriptions as it may have."""


class NotThere(LookupError):
    """There is no such subscription of this organisation."""


class Changed(ValueError):
    """The subscription is not any more what its owner last saw of it."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an organisation wants of one of its subscriptions, as it was when they looked; None ends it for good."""

    before: Subscription
    wanted: Wanted | None
    off: bool = False


async def subscribe(asking: tuple[str, Wanted], db: AsyncConnection) -> Reply:
    """This will keep a new subscription, which begins with a handshake; TooMany where there is no room for it."""
    organisation, wanted = asking
    if len(await store.subscriptions_of(db, organisation, alone=True)) >= AT_MOST:
        raise TooMany
    fresh = Subscription(subscription_id=uuid4(), organisation=organisation, wanted=wanted, changed_at=now())
    await store.subscribe(db, fresh)
    return Reply(fresh, look_at([fresh.subscription_id]))


async def change(wish: Wish, db: AsyncConnection) -> Reply:
    """This will take other wishes for a subscription: it begins anew with a handshake, is off, or is gone."""
    one = wish.before.subscription_id
    known = (await store.subscriptions_alone(db, [one])).get(one)
    if known is None or known.organisation != wish.before.organisation:
        raise NotThere
    if known.wanted != wish.before.wanted:
        raise Changed
    if wish.wanted is None:
        await store.unsubscribe(db, one)
        return Reply(None)
    anew = asked_anew(known, wish.wanted, off=wish.off, now=now())
    await store.keep_subscriptions(db, await lay_off(db, [anew]))
    return Reply(anew, look_at([one]))
