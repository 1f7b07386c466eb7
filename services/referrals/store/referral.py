"""Referrals: kept once by their placer's identifier, found again by it or by our id."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.journey import State
from services.referrals.rules.order import Identifier, ReferralOrder
from services.referrals.rules.triage import Outcome
from services.referrals.store.tables import referrals
from shared.database import insert_or_ignore, lock
from shared.sealed import lookup

REFERRALS = UUID("5f0b7a3e-6a55-5a3e-9d0e-3c8d52d4e1c7")


@dataclass(frozen=True, kw_only=True)
class Referral:
    """A referral as the store keeps it."""

    referral_id: UUID
    person_id: UUID
    organisation: str
    site_id: str
    content: str
    order: ReferralOrder
    part2: bool
    first_outcome: Outcome
    state: State
    reasons: tuple[str, ...]
    arrived_at: datetime
    told_at: datetime
    latest: str
    withheld: bool = False
    crisis_at: datetime | None = None
    told: str | None = None


def placer_of(organisation: str, order: ReferralOrder) -> str:
    """This will give the fingerprint a referral is known by: its placer's identifier, else its whole content."""
    if order.identifier is None:
        return content_of(organisation, order)
    return named_by(organisation, order.identifier)


def named_by(organisation: str, identifier: Identifier) -> str:
    """This will give the fingerprint of a placer's identifier."""
    return lookup("placer", organisation, identifier.system, identifier.value)


def content_of(organisation: str, order: ReferralOrder) -> str:
    """This will give the fingerprint that tells whether a repeat says something else (but when it was written)."""
    return lookup("content", organisation, order.model_dump_json(exclude={"authored_at"}))


def new_id(organisation: str, order: ReferralOrder) -> UUID:
    """This will give a referral's id, the same for the same post."""
    return uuid5(REFERRALS, f"{organisation} {placer_of(organisation, order)}")


async def add(db: AsyncConnection, referral: Referral) -> bool:
    """This will keep a new referral, and say whether it was new."""
    order = referral.order
    row = {
        **{each.name: getattr(referral, each.name) for each in referrals.columns if hasattr(referral, each.name)},
        "placer": placer_of(referral.organisation, order),
        "placer_value": lookup("value", referral.organisation, order.identifier.value) if order.identifier else "",
        "words": order.model_dump(mode="json", exclude_none=True),
        "reasons": list(referral.reasons),
    }
    return bool((await db.execute(insert_or_ignore(referrals).values(**row))).rowcount)


async def change(db: AsyncConnection, referral: Referral) -> None:
    """This will keep a referral's new state, and what was learnt about the person."""
    words = referral.order.model_dump(mode="json", exclude_none=True)
    kept = {"state": referral.state, "reasons": list(referral.reasons), "words": words, "withheld": referral.withheld}
    await db.execute(update(referrals).where(referrals.c.referral_id == referral.referral_id).values(**kept))


async def came_again(db: AsyncConnection, referral_id: UUID, content: str) -> None:
    """This will remember, by fingerprint, what was posted of a referral last."""
    await db.execute(update(referrals).where(referrals.c.referral_id == referral_id).values(latest=content))


async def mark_crisis(db: AsyncConnection, referral_id: UUID, at: datetime | None) -> None:
    """This will keep since when somebody may be in danger; None when a person cleared it."""
    await db.execute(update(referrals).where(referrals.c.referral_id == referral_id).values(crisis_at=at))


async def move(db: AsyncConnection, states: dict[UUID, State]) -> None:
    """This will keep new states, of several referrals."""
    for referral_id, state in states.items():
        await db.execute(update(referrals).where(referrals.c.referral_id == referral_id).values(state=state))


async def tell(db: AsyncConnection, told: dict[UUID, str], at: datetime) -> None:
    """This will remember, by fingerprint, what each referral's referrer was told last."""
    for referral_id, fingerprint in told.items():
        mine = update(referrals).where(referrals.c.referral_id == referral_id)
        await db.execute(mine.values(told=fingerprint, told_at=at))


def _referral(row: Any) -> Referral:
    fields = {each: row[each] for each in Referral.__dataclass_fields__ if each != "order"}
    fields["reasons"] = tuple(row["reasons"])
    return Referral(**fields, order=ReferralOrder.model_validate(row["words"]))


async def by_ids(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Referral]:
    """This will give the referrals of these ids that exist."""
    wanted = select(referrals).where(referrals.c.referral_id.in_(list(ids)))
    return {row["referral_id"]: _referral(row) for row in (await db.execute(wanted)).mappings()}


async def alone(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Referral]:
    """This will give the referrals of these ids that exist, for this transaction alone to change until it ends."""
    wanted = sorted(set(ids), key=str)
    for each in wanted:
        await lock(db, str(each))
    return await by_ids(db, wanted)


async def ids_of_person(db: AsyncConnection, person_id: UUID) -> list[UUID]:
    """This will list the ids of a person's referrals."""
    wanted = select(referrals.c.referral_id).where(referrals.c.person_id == person_id)
    return list((await db.execute(wanted)).scalars())


async def by_id(db: AsyncConnection, referral_id: UUID, organisation: str | None = None) -> Referral | None:
    """This will give one referral, only if it is the organisation's own where one is named."""
    found = (await by_ids(db, [referral_id])).get(referral_id)
    return found if found and organisation in (None, found.organisation) else None


async def by_placer(db: AsyncConnection, organisation: str, system: str, value: str) -> Referral | None:
    """This will give an organisation's referral by its own identifier; without a system, the first with that value."""
    exact = referrals.c.placer == lookup("placer", organisation, system, value)
    anywhere = referrals.c.placer_value == lookup("value", organisation, value)
    own = select(referrals).where(referrals.c.organisation == organisation, exact if system else anywhere)
    row = (await db.execute(own.order_by(referrals.c.arrived_at).limit(1))).mappings().first()
    return _referral(row) if row else None


async def listed(
    db: AsyncConnection, *, state: str | None, organisation: str | None, after: UUID | None, limit: int
) -> list[tuple[UUID, State]]:
    """This will list ids and states, in order of id, beginning after one."""
    wanted = select(referrals.c.referral_id, referrals.c.state).order_by(referrals.c.referral_id).limit(limit)
    if state:
        wanted = wanted.where(referrals.c.state == state)
    if organisation:
        wanted = wanted.where(referrals.c.organisation == organisation)
    if after:
        wanted = wanted.where(referrals.c.referral_id > after)
    return [(row.referral_id, row.state) for row in await db.execute(wanted)]
