"""Calls whoever subscribed: in order, one call at a time for each, again after a pause where it failed."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.fhir import notices
from services.referrals.hook import Hooks
from services.referrals.rules import subscriptions
from services.referrals.rules.subscriptions import Subscription
from shared.clock import now
from shared.database import Database
from shared.events.referrals import NotifySubscriber, SubscriptionFellDue
from shared.mailbox import Errand, Later, Said, Status, Trip
from shared.programme import Programme
from shared.work import Asked, open_each

ASK_WITHIN = timedelta(days=1)
WHILE_SUSPENDED = timedelta(hours=1)
"""How often it is looked whether somebody is let in again."""


async def announce(db: AsyncConnection, said: Iterable[Said]) -> list[Later]:
    """This will let those who subscribed hear that there is something new: of each Task among what is said."""
    told = [(each.organisation, UUID(each.about)) for each in said if isinstance(each, Status)]
    return look_at(await store.note_events(db, told, now()))


def look_at(ids: Iterable[UUID]) -> list[Later]:
    """This will have subscriptions looked at now."""
    return [_later(each, timedelta()) for each in ids]


def _later(one: UUID, pause: timedelta) -> Later:
    # A look too many finds nothing to do; one too few would leave somebody waiting.
    return Later(SubscriptionFellDue(subscription_id=one), due=now() + pause, key=f"subscription {uuid4()}")


async def look(rung: list[SubscriptionFellDue], db: AsyncConnection, *, programme: Programme) -> list[Said]:
    """This will look whether anybody is to be called now, and commit the intent to do so."""
    ids = {each.subscription_id for each in rung}
    known = await store.subscriptions_alone(db, ids)
    await store.drop_events(db, [each for each in ids if each not in known])
    return await _go_on(db, list(known.values()), list(known.values()), programme)


async def notify(
    errand: NotifySubscriber, trip: Trip, *, database: Database, hooks: Callable[[str], Hooks], base: str
) -> bool:
    """This will make a call, unless the subscription has changed since it was intended; True where it was taken."""
    one = errand.subscription_id
    async with database.reading() as db:
        known = (await store.subscriptions_by_ids(db, [one])).get(one)
        events = await store.events_of(db, one)
    if known is None or not _is_under_way(known, errand):
        return False
    told = [(each.number, each.at, each.referral_id) for each in events]
    body = notices.notice(known, told if known.calling == "event-notification" else [], at=now(), base=base)
    wanted = known.wanted
    raw = json.dumps(body).encode()
    return await hooks(known.organisation).send(
        wanted.endpoint, wanted.headers, raw, about=trip.key, within=wanted.timeout
    )


def _is_under_way(known: Subscription, errand: NotifySubscriber) -> bool:
    return known.turn == errand.turn and known.calling is not None


async def record(
    results: list[tuple[NotifySubscriber, Any]], db: AsyncConnection, *, programme: Programme
) -> list[Said]:
    """This will keep how calls ended, and go on with what comes next; anything but a yes is a call that failed."""
    found = await store.subscriptions_alone(db, {errand.subscription_id for errand, _ in results})
    before, after, taken = [], [], []
    for errand, result in results:
        known = found.get(errand.subscription_id)
        if known is None or not _is_under_way(known, errand):
            continue
        if result is True and known.calling == "event-notification":
            taken.append(known.subscription_id)
        before.append(known)
        after.append(subscriptions.answered(known, taken=result is True, now=now()))
    await store.drop_events(db, taken, numbered=True)
    await open_each(
        db,
        [_gone(each) for each in after if each.status == "off" and not programme.organisations[each.organisation].test],
    )
    return await _go_on(db, before, after, programme)


def _gone(known: Subscription) -> Asked:
    about, due = str(known.subscription_id), now() + ASK_WITHIN
    return Asked(kind="subscription_gone", about=about, owner="intake", due=due, note=known.organisation)


async def _go_on(
    db: AsyncConnection, before: Sequence[Subscription], after: Sequence[Subscription], programme: Programme
) -> list[Said]:
    """This will begin the next call of each, or plan when to look again, and keep what changed.

    Who is suspended is not called: what is new waits until they are let in again.
    """
    news = await store.waiting(db, [each.subscription_id for each in after])
    said: list[Said] = []
    moved = []
    for each in after:
        step = subscriptions.ended(each, now=now()) if subscriptions.is_over(each, now=now()) else each
        kind = subscriptions.due(step, news=bool(news.get(each.subscription_id)), now=now())
        again = subscriptions.look_again(step, now=now())
        if programme.organisations[each.organisation].suspended:
            kind, again = None, now() + WHILE_SUSPENDED
        if kind:
            step, errand = await _called(db, step, kind)
            said.append(errand)
        elif again and not (step.look_at and now() < step.look_at <= again):
            step = replace(step, look_at=again)
            said.append(_later(step.subscription_id, again - now()))
        moved.append(step)
    changed = [each for each, known in zip(moved, before, strict=True) if each != known]
    await store.keep_subscriptions(db, await lay_off(db, changed))
    return said


async def _called(db: AsyncConnection, known: Subscription, kind: subscriptions.Kind) -> tuple[Subscription, Errand]:
    step = subscriptions.called(known, kind)
    if kind == "event-notification":
        step = replace(step, numbered=await store.number_events(db, step))
        await _account_for(db, step)
    fact = NotifySubscriber(subscription_id=step.subscription_id, turn=step.turn)
    return step, Errand(fact, key=f"subscription {step.subscription_id} {step.turn}")


async def _account_for(db: AsyncConnection, known: Subscription) -> None:
    """This will account for a call that names Tasks: it says that they changed, and nothing else."""
    if known.wanted.content != "id-only":
        return
    events = await store.events_of(db, known.subscription_id)
    about = await store.by_ids(db, {each.referral_id for each in events})
    told = [
        store.Disclosure(
            person_id=each.person_id,
            referral_id=each.referral_id,
            recipient=known.organisation,
            way="subscription",
            what="changed",
            part2=each.part2,
            consent_id=None,
            at=now(),
        )
        for each in about.values()
    ]
    await store.note_disclosures(db, told)


async def lay_off(db: AsyncConnection, some: Sequence[Subscription]) -> list[Subscription]:
    """This will forget what those who are off were to be told; it counts, so that the gap shows when they come back."""
    off = [each.subscription_id for each in some if each.status == "off"]
    if not off:
        return list(some)
    lost = await store.waiting(db, off, unnumbered=True)
    await store.drop_events(db, off)
    return [replace(each, numbered=each.numbered + lost.get(each.subscription_id, 0)) for each in some]
