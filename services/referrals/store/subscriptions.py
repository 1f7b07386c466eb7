"""Subscriptions, and what their subscribers are still to be told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.subscriptions import Subscription, Wanted
from services.referrals.store.tables import subscription_events, subscriptions
from shared.database import lock
from shared.several import among

OWN = ("endpoint", "headers", "content", "reason", "timeout", "most", "ends_at")
PLAIN = tuple(each for each in Subscription.__dataclass_fields__ if each != "wanted")
"""What is kept as it is: of what is wanted, and of how it stands."""

ADD, NOTE = insert(subscriptions), insert(subscription_events)
KEEP = update(subscriptions).where(subscriptions.c.subscription_id == bindparam("one"))
BY_IDS = select(subscriptions).where(among(subscriptions.c.subscription_id, "ids"))
LISTENERS = select(subscriptions.c.organisation, subscriptions.c.subscription_id).where(
    among(subscriptions.c.organisation, "organisations"), subscriptions.c.status != "off"
)
WAITING = (
    select(subscription_events.c.subscription_id, func.count())
    .where(among(subscription_events.c.subscription_id, "ids"))
    .group_by(subscription_events.c.subscription_id)
)
UNNUMBERED = WAITING.where(subscription_events.c.number.is_(None))
NUMBER = update(subscription_events).where(subscription_events.c.id == bindparam("one"))
DROP = delete(subscription_events).where(among(subscription_events.c.subscription_id, "ids"))


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that a subscriber is told: a Task that changed, and its place in what this subscriber is told."""

    referral_id: UUID
    at: datetime
    number: int


def _row(known: Subscription) -> dict[str, Any]:
    beat = known.wanted.heartbeat
    kept = {each: getattr(known.wanted, each) for each in OWN} | {each: getattr(known, each) for each in PLAIN}
    return kept | {"heartbeat": int(beat.total_seconds()) if beat else None}


def _subscription(row: Any) -> Subscription:
    beat = row["heartbeat"]
    wanted = Wanted(**{each: row[each] for each in OWN}, heartbeat=timedelta(seconds=beat) if beat else None)
    return Subscription(**{each: row[each] for each in PLAIN}, wanted=wanted)


async def subscribe(db: AsyncConnection, fresh: Subscription) -> None:
    """This will keep a new subscription."""
    await db.execute(ADD, [_row(fresh)])


async def keep_subscriptions(db: AsyncConnection, some: Sequence[Subscription]) -> None:
    """This will keep how subscriptions stand."""
    if some:
        await db.execute(KEEP, [{**_row(each), "one": each.subscription_id} for each in some])


async def unsubscribe(db: AsyncConnection, subscription_id: UUID) -> None:
    """This will forget a subscription, and what its subscriber was still to be told."""
    await drop_events(db, [subscription_id])
    await db.execute(delete(subscriptions).where(subscriptions.c.subscription_id == subscription_id))


async def subscriptions_by_ids(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Subscription]:
    """This will give the subscriptions of these ids that exist."""
    found = await db.execute(BY_IDS, {"ids": list(ids)})
    return {row["subscription_id"]: _subscription(row) for row in found.mappings()}


async def subscriptions_alone(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Subscription]:
    """This will give the subscriptions of these ids that exist, for this transaction alone to change until it ends."""
    wanted = set(ids)
    await lock(db, *(f"subscription {each}" for each in wanted))
    return await subscriptions_by_ids(db, wanted)


async def subscriptions_of(db: AsyncConnection, organisation: str, *, alone: bool = False) -> list[Subscription]:
    """This will list an organisation's subscriptions; with `alone`, nobody adds to them until this transaction ends."""
    if alone:
        await lock(db, f"subscriptions of {organisation}")
    wanted = select(subscriptions).where(subscriptions.c.organisation == organisation)
    found = await db.execute(wanted.order_by(subscriptions.c.subscription_id))
    return [_subscription(row) for row in found.mappings()]


async def note_events(db: AsyncConnection, told: Sequence[tuple[str, UUID]], at: datetime) -> list[UUID]:
    """This will note for whoever subscribed that Tasks, each (organisation, id), have changed, and name them."""
    if not told:
        return []
    listeners = (await db.execute(LISTENERS, {"organisations": sorted({each for each, _ in told})})).all()
    rows = [
        {"subscription_id": row.subscription_id, "referral_id": referral_id, "at": at}
        for organisation, referral_id in told
        for row in listeners
        if row.organisation == organisation
    ]
    if rows:
        await db.execute(NOTE, rows)
    return list(dict.fromkeys(row["subscription_id"] for row in rows))


async def waiting(db: AsyncConnection, ids: Iterable[UUID], *, unnumbered: bool = False) -> Mapping[UUID, int]:
    """This will count what each subscriber is still to be told; with `unnumbered`, for the first time."""
    found = await db.execute(UNNUMBERED if unnumbered else WAITING, {"ids": list(ids)})
    return {row[0]: row[1] for row in found}


async def number_events(db: AsyncConnection, known: Subscription) -> int:
    """This will give the next events their numbers, unless some that have one were not taken; it gives the last."""
    if await events_of(db, known.subscription_id):
        return known.numbered
    mine = select(subscription_events.c.id).where(subscription_events.c.subscription_id == known.subscription_id)
    found = (await db.execute(mine.order_by(subscription_events.c.id).limit(known.wanted.most))).scalars().all()
    numbers = [{"one": each, "number": known.numbered + place} for place, each in enumerate(found, 1)]
    if numbers:
        await db.execute(NUMBER, numbers)
    return known.numbered + len(numbers)


async def events_of(db: AsyncConnection, subscription_id: UUID) -> list[Event]:
    """This will list what a subscriber was told, or is being told, and did not take yet."""
    columns = subscription_events.c.referral_id, subscription_events.c.at, subscription_events.c.number
    mine = select(*columns).where(subscription_events.c.subscription_id == subscription_id)
    found = await db.execute(
        mine.where(subscription_events.c.number.is_not(None)).order_by(subscription_events.c.number)
    )
    return [Event(**row) for row in found.mappings()]


async def drop_events(db: AsyncConnection, ids: Sequence[UUID], *, numbered: bool = False) -> None:
    """This will forget what subscribers were to be told; with `numbered`, what they have taken."""
    if ids:
        await db.execute(
            DROP.where(subscription_events.c.number.is_not(None)) if numbered else DROP, {"ids": list(ids)}
        )
