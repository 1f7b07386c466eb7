"""Who is reached, how, and whether they may be written to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Row, bindparam, delete, exists, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules.sending import Person, Reach, Standing, as_one
from services.notifications.store.tables import holds, opt_ins, opt_outs, people, reaches, supporters
from shared import sealed
from shared.consents import consents, consents_of_many
from shared.database import insert_or_ignore, upsert
from shared.disclosure import Consent
from shared.events.matching import SupporterRegistered
from shared.events.notifications import Channel
from shared.events.referrals import ContactShared, CrisisAcknowledged, CrisisRaised, RiskCleared
from shared.linked import everybody, with_linked
from shared.several import among

Consented = tuple[Reach, datetime]
"""A way to reach somebody, and when they agreed to it."""


@dataclass(frozen=True, kw_only=True)
class LastRaised:
    """Of whom danger was raised last by a referral, when, and whether somebody took it in hand since."""

    person_id: UUID
    raised_at: datetime
    in_hand: bool


@dataclass(frozen=True)
class Contact:
    """What was told of a person, the ways in it that can be used, and the zone that counts for them."""

    told: ContactShared
    usable: list[Consented]
    zone: ZoneInfo

    @property
    def ways(self) -> list[Reach]:
        """The ways that can be used."""
        return [each for each, _ in self.usable]

    @property
    def lacks_some(self) -> bool:
        """Whether an address among what was told cannot be used."""
        return len(self.usable) < len(self.told.reaches)


MINE = consents.c.person_id == people.c.person_id
PEOPLE = (
    select(
        people.c.person_id,
        people.c.site_id,
        people.c.language,
        people.c.zone,
        exists().where(opt_outs.c.person_id == people.c.person_id).label("opted_out"),
        exists().where(holds.c.person_id == people.c.person_id, holds.c.cleared_at.is_(None)).label("in_crisis"),
        (exists().where(MINE) & ~exists().where(MINE, consents.c.revoked_at.is_(None))).label("consent_revoked"),
        reaches.c.channel,
        reaches.c.address,
    )
    .select_from(people.outerjoin(reaches, people.c.person_id == reaches.c.person_id))
    .order_by(people.c.person_id, reaches.c.place)
)
"""People beside each way to reach them; whether they said stop, are in crisis, or took every consent back."""

SOME = among(people.c.person_id, "some")
KNOWN = PEOPLE.where(SOME)
WRITERS = PEOPLE.where(
    people.c.person_id.in_(select(reaches.c.person_id).where(reaches.c.lookup == bindparam("lookup")))
)
SAID_STOP = select(opt_outs.c.person_id).where(among(opt_outs.c.person_id, "some"))
IN_CRISIS = select(holds.c.person_id).where(among(holds.c.person_id, "some"), holds.c.cleared_at.is_(None))
ZONES = select(people.c.person_id, people.c.zone).where(SOME)
KEEP = upsert(people, keys=["person_id"], change=["site_id", "first_name", "language", "zone"])
LEARN = update(people).where(people.c.person_id == bindparam("one")).values(learnt_at=bindparam("at"))
LEARNT = select(people.c.person_id).where(SOME, people.c.learnt_at.is_not(None))
FORGET_REACHES = delete(reaches).where(among(reaches.c.person_id, "some"))
REACH = insert(reaches)
OPT_OUT = insert_or_ignore(opt_outs)
LIFTED = insert(opt_ins)
OPT_IN = delete(opt_outs).where(opt_outs.c.person_id == bindparam("person_id"))
HOLD = upsert(
    holds,
    keys=["referral_id"],
    change=["raised_at", "acknowledged_at", "cleared_at"],
    where=holds.c.raised_at != literal_column("excluded.raised_at"),
)
"""Holds again after a clearance; the same crisis heard again does not."""
NOBODY_YET = {"acknowledged_at": None, "cleared_at": None}
RELEASE = (
    update(holds)
    .where(holds.c.referral_id == bindparam("referral"), holds.c.cleared_at.is_(None))
    .values(cleared_at=bindparam("at"))
)
TAKE_IN_HAND = (
    update(holds)
    .where(holds.c.referral_id == bindparam("referral"), holds.c.raised_at <= bindparam("raised"))
    .values(acknowledged_at=bindparam("at"))
)
IN_HAND = holds.c.acknowledged_at.is_not(None) | holds.c.cleared_at.is_not(None)
LAST_RAISED = select(holds.c.person_id, holds.c.raised_at, IN_HAND.label("in_hand")).where(
    holds.c.referral_id == bindparam("referral")
)
MEET = upsert(supporters, keys=["supporter_id"], change=["public_name"])


async def keep(db: AsyncConnection, contacts: Sequence[Contact], *, reached: Sequence[Contact]) -> None:
    """This will remember people, each named once, and how those are `reached` instead of what was known before."""
    await db.execute(KEEP, [_row(each) for each in contacts])
    await db.execute(FORGET_REACHES, {"some": [each.told.person_id for each in reached]})
    if rows := [row for each in reached for row in _ways(each)]:
        await db.execute(REACH, rows)
    if learnt := [{"one": each.told.person_id, "at": each.told.learnt_at} for each in reached if each.told.learnt_at]:
        await db.execute(LEARN, learnt)


async def learnt(db: AsyncConnection, person_ids: Iterable[UUID]) -> set[UUID]:
    """This will choose those of whom the programme learnt how they are reached."""
    return set((await db.execute(LEARNT, {"some": sorted(set(person_ids))})).scalars())


def _row(contact: Contact) -> dict[str, Any]:
    told = contact.told
    who = {"person_id": told.person_id, "site_id": told.site_id}
    return {**who, "first_name": told.first_name, "language": told.language, "zone": contact.zone.key}


def _ways(contact: Contact) -> list[dict[str, Any]]:
    return [
        {
            "person_id": contact.told.person_id,
            "channel": reach.channel,
            "place": place,
            "address": reach.address,
            "lookup": sealed.lookup(reach.channel, reach.address),
            "consented_at": agreed,
        }
        for place, (reach, agreed) in enumerate(contact.usable)
    ]


async def known(db: AsyncConnection, person_ids: Iterable[UUID]) -> dict[UUID, Person]:
    """This will give the people whose contact data has arrived, with everything that decides whether to write."""
    found = await db.execute(KNOWN, {"some": sorted(set(person_ids))})
    return {each.person_id: each for each in await _with_linked(db, _people(found))}


async def _with_linked(db: AsyncConnection, some: list[Person]) -> list[Person]:
    """This will let what stands of anybody who is one human being with one of these people count for them."""
    linked = await everybody(db, [each.person_id for each in some])
    if not linked:
        return some
    stand = await _standings(db, set().union(*linked.values()))
    return [
        as_one(each, {one: stand[one] for one in linked[each.person_id]}) if each.person_id in linked else each
        for each in some
    ]


async def _standings(db: AsyncConnection, person_ids: Iterable[UUID]) -> dict[UUID, Standing]:
    """This will say how people stand, also those whose contact data has not arrived."""
    some = sorted(person_ids)
    stopped = set((await db.scalars(SAID_STOP, {"some": some})).all())
    in_crisis = set((await db.scalars(IN_CRISIS, {"some": some})).all())
    agreed = await consents_of_many(db, some)
    return {
        each: Standing(opted_out=each in stopped, in_crisis=each in in_crisis, **_agreed(agreed.get(each, [])))
        for each in some
    }


def _agreed(mine: Iterable[Consent]) -> dict[str, datetime | None]:
    """This will give when somebody agreed last to what is in force; where nothing is any more, when they ended it."""
    every = list(mine)
    running = [each.signed_at for each in every if each.revoked_at is None]
    ended = [each.revoked_at for each in every if each.revoked_at]
    return {"agreed_at": max(running, default=None), "refused_at": None if running else max(ended, default=None)}


def _people(rows: Iterable[Row[Any]]) -> list[Person]:
    """This will put people together from a row for each way to reach them, or from the only one where there is none."""
    return [_person(list(mine)) for _, mine in groupby(rows, key=lambda row: row.person_id)]


def _person(rows: list[Row[Any]]) -> Person:
    one = rows[0]
    return Person(
        person_id=one.person_id,
        site_id=one.site_id,
        language=one.language,
        zone=ZoneInfo(one.zone),
        reaches=tuple(Reach(channel=each.channel, address=each.address) for each in rows if each.channel),
        opted_out=one.opted_out,
        in_crisis=one.in_crisis,
        consent_revoked=one.consent_revoked,
    )


async def zones(db: AsyncConnection, person_ids: Iterable[UUID]) -> dict[UUID, str]:
    """This will give the time zones of the people whose contact data has arrived."""
    found = await db.execute(ZONES, {"some": sorted(set(person_ids))})
    return {row.person_id: row.zone for row in found}


async def who_writes_from(db: AsyncConnection, channel: Channel, address: str) -> list[Person]:
    """This will find the people reached at an address; several may share one."""
    return await _with_linked(db, _people(await db.execute(WRITERS, {"lookup": sealed.lookup(channel, address)})))


async def opt_out(db: AsyncConnection, person_id: UUID, *, channel: Channel, at: datetime) -> bool:
    """This will stop all messages to a person, and say whether that is new."""
    stopped = await db.execute(OPT_OUT, {"person_id": person_id, "channel": channel, "at": at})
    return bool(stopped.rowcount)


async def opt_in(db: AsyncConnection, person_id: UUID) -> bool:
    """This will let messages go to a person again, and say whether they had been stopped."""
    return bool((await db.execute(OPT_IN, {"person_id": person_id})).rowcount)


async def note_opt_in(db: AsyncConnection, person_id: UUID, *, by: str, reason: str, at: datetime) -> None:
    """This will keep who at the programme lifted a person's STOP, and why."""
    told = {"person_id": person_id, "by": by, "reason": reason, "at": at}
    await db.execute(LIFTED, {"opt_in_id": uuid4(), **told})


async def who_said_stop(db: AsyncConnection, person_ids: Iterable[UUID]) -> list[UUID]:
    """This will list whose STOP keeps messages from these people: their own, and of whoever is one with them."""
    some = sorted(await with_linked(db, person_ids))
    return sorted((await db.scalars(SAID_STOP, {"some": some})).all())


async def hold(db: AsyncConnection, crises: Iterable[CrisisRaised]) -> None:
    """This will keep machines from writing to people in crisis."""
    names = {"referral_id", "person_id", "raised_at"}
    await db.execute(HOLD, [{**each.model_dump(include=names), **NOBODY_YET} for each in crises])


async def take_in_hand(db: AsyncConnection, acknowledged: Iterable[CrisisAcknowledged]) -> None:
    """This will remember that somebody took danger signs in hand."""
    rows = [
        {"referral": each.referral_id, "raised": each.raised_at, "at": each.acknowledged_at} for each in acknowledged
    ]
    await db.execute(TAKE_IN_HAND, rows)


async def last_raised(db: AsyncConnection, referral_id: UUID) -> LastRaised | None:
    """This will give the last danger sign of a referral, and whether somebody took it in hand."""
    row = (await db.execute(LAST_RAISED, {"referral": referral_id})).mappings().one_or_none()
    return LastRaised(**row) if row else None


async def release(db: AsyncConnection, cleared: Iterable[RiskCleared]) -> None:
    """This will let messages go again to people whose risk somebody looked at."""
    await db.execute(RELEASE, [{"referral": each.referral_id, "at": each.cleared_at} for each in cleared])


async def meet(db: AsyncConnection, supporters: Iterable[SupporterRegistered]) -> None:
    """This will remember what people may call supporters."""
    await db.execute(MEET, [each.model_dump(include={"supporter_id", "public_name"}) for each in supporters])
