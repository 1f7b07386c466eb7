"""Who is reached, how, and whether they may be written to."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules.sending import Person, Reach
from services.notifications.store.tables import holds, opt_outs, people, reaches, supporters
from shared import sealed
from shared.consents import consents
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
    rows = (await db.execute(_people().where(people.c.person_id.in_(ids)))).mappings().all()
    ways = await _reaches(db, ids) if rows else {}
    return {
        row["person_id"]: Person(
            **{**row, "zone": ZoneInfo(row["zone"])}, reaches=tuple(ways.get(row["person_id"], ()))
        )
        for row in rows
    }


def _people() -> Select[Any]:
    """This will ask for people, whether they said stop, are in crisis, or took every consent back."""
    mine = consents.c.person_id == people.c.person_id
    revoked = exists().where(mine) & ~exists().where(mine, consents.c.revoked_at.is_(None))
    return select(
        people.c.person_id,
        people.c.site_id,
        people.c.language,
        people.c.zone,
        exists().where(opt_outs.c.person_id == people.c.person_id).label("opted_out"),
        exists().where(holds.c.person_id == people.c.person_id, holds.c.cleared_at.is_(None)).label("in_crisis"),
        revoked.label("consent_revoked"),
    )


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
