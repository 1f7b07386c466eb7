"""Who is reached, how, and whether they may be written to."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules.sending import Person, Reach
from services.notifications.store.tables import holds, opt_outs, people, reaches, supporters
from shared import sealed
from shared.consents import consents_of_many
from shared.database import insert_or_ignore, upsert
from shared.events.matching import SupporterRegistered
from shared.events.notifications import Channel
from shared.events.referrals import ContactShared, CrisisRaised, RiskCleared

Consented = tuple[Reach, datetime]
"""A way to reach somebody, and when they agreed to it."""


async def keep(db: AsyncConnection, contact: ContactShared, consented: Iterable[Consented], *, zone: ZoneInfo) -> None:
    """This will remember how to reach a person, instead of what was known before."""
    row = {"zone": zone.key} | contact.model_dump(include={"person_id", "site_id", "first_name", "language"})
    changed = ["site_id", "first_name", "language", "zone"]
    await db.execute(upsert(people, keys=["person_id"], change=changed).values(**row))
    await db.execute(delete(reaches).where(reaches.c.person_id == contact.person_id))
    rows = [
        {
            "person_id": contact.person_id,
            "channel": reach.channel,
            "place": place,
            "address": reach.address,
            "lookup": sealed.lookup(reach.channel, reach.address),
            "consented_at": agreed,
        }
        for place, (reach, agreed) in enumerate(consented)
    ]
    if rows:
        await db.execute(insert(reaches), rows)


async def known(db: AsyncConnection, person_ids: Iterable[UUID]) -> dict[UUID, Person]:
    """This will give the people whose contact data has arrived, with everything that decides whether to write."""
    ids = sorted(set(person_ids))
    columns = select(people.c.person_id, people.c.site_id, people.c.language, people.c.zone)
    rows = (await db.execute(columns.where(people.c.person_id.in_(ids)))).mappings()
    found = {row["person_id"]: Person(**{**row, "zone": ZoneInfo(row["zone"])}, reaches=()) for row in rows}
    if not found:
        return {}
    ways = await _reaches(db, found)
    silent, held = await _opted_out(db, found), await _in_crisis(db, found)
    agreed = await consents_of_many(db, found)
    return {
        key: replace(
            each,
            reaches=tuple(ways.get(key, ())),
            opted_out=key in silent,
            in_crisis=key in held,
            consent_revoked=bool(agreed.get(key)) and all(consent.revoked_at for consent in agreed[key]),
        )
        for key, each in found.items()
    }


async def zones(db: AsyncConnection, person_ids: Iterable[UUID]) -> dict[UUID, str]:
    """This will give the time zones of the people whose contact data has arrived."""
    wanted = select(people.c.person_id, people.c.zone).where(people.c.person_id.in_(sorted(set(person_ids))))
    return {row.person_id: row.zone for row in await db.execute(wanted)}


async def _reaches(db: AsyncConnection, person_ids: Iterable[UUID]) -> dict[UUID, list[Reach]]:
    columns = select(reaches.c.person_id, reaches.c.channel, reaches.c.address)
    found: dict[UUID, list[Reach]] = {}
    for row in await db.execute(columns.where(reaches.c.person_id.in_(list(person_ids))).order_by(reaches.c.place)):
        found.setdefault(row.person_id, []).append(Reach(channel=row.channel, address=row.address))
    return found


async def _opted_out(db: AsyncConnection, person_ids: Iterable[UUID]) -> set[UUID]:
    return set((await db.scalars(select(opt_outs.c.person_id).where(opt_outs.c.person_id.in_(list(person_ids))))).all())


async def _in_crisis(db: AsyncConnection, person_ids: Iterable[UUID]) -> set[UUID]:
    still = holds.c.person_id.in_(list(person_ids)) & holds.c.cleared_at.is_(None)
    return set((await db.scalars(select(holds.c.person_id).where(still))).all())


async def who_writes_from(db: AsyncConnection, channel: Channel, address: str) -> list[UUID]:
    """This will find the people reached at an address; several may share one."""
    wanted = select(reaches.c.person_id).where(reaches.c.lookup == sealed.lookup(channel, address))
    return list((await db.scalars(wanted.order_by(reaches.c.person_id))).all())


async def opt_out(db: AsyncConnection, person_id: UUID, *, channel: Channel, at: datetime) -> bool:
    """This will stop all messages to a person, and say whether that is new."""
    row = insert_or_ignore(opt_outs).values(person_id=person_id, channel=channel, at=at)
    return bool((await db.execute(row)).rowcount)


async def opt_in(db: AsyncConnection, person_id: UUID) -> bool:
    """This will let messages go to a person again, and say whether they had been stopped."""
    return bool((await db.execute(delete(opt_outs).where(opt_outs.c.person_id == person_id))).rowcount)


async def hold(db: AsyncConnection, crisis: CrisisRaised) -> None:
    """This will keep machines from writing to a person in crisis."""
    row = {"referral_id": crisis.referral_id, "person_id": crisis.person_id, "raised_at": crisis.raised_at}
    await db.execute(insert_or_ignore(holds).values(**row))


async def release(db: AsyncConnection, cleared: RiskCleared) -> None:
    """This will let messages go to a person again whose risk somebody looked at."""
    ended = update(holds).where(holds.c.referral_id == cleared.referral_id, holds.c.cleared_at.is_(None))
    await db.execute(ended.values(cleared_at=cleared.cleared_at))


async def meet(db: AsyncConnection, supporter: SupporterRegistered) -> None:
    """This will remember what people may call a supporter."""
    row = {"supporter_id": supporter.supporter_id, "public_name": supporter.public_name}
    await db.execute(upsert(supporters, keys=["supporter_id"], change=["public_name"]).values(**row))
