"""People: found again by the fingerprints of what an organisation calls them, never by name."""

from uuid import UUID, uuid5

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.order import ReferralOrder
from services.referrals.store.referral import REFERRALS
from services.referrals.store.tables import persons
from shared import sealed
from shared.database import insert_or_ignore


async def person_of(db: AsyncConnection, organisation: str, order: ReferralOrder, referral_id: UUID) -> UUID:
    """This will find the person by what the organisation calls them, or take note of a new one.

    Without identifiers they are known by this referral only; when identifiers point to two people, the first goes on.
    """
    prints = [sealed.lookup("person", organisation, each.system, each.value) for each in order.person.identifiers]
    fresh = uuid5(REFERRALS, f"person {prints[0]}") if prints else uuid5(referral_id, "person")
    if not prints:
        return fresh
    known = select(persons.c.fingerprint, persons.c.person_id).where(persons.c.fingerprint.in_(prints))
    found = {row.fingerprint: row.person_id for row in await db.execute(known)}
    person_id: UUID = next((found[each] for each in prints if each in found), fresh)
    new = [{"fingerprint": each, "person_id": person_id} for each in sorted(set(prints)) if each not in found]
    if new:
        await db.execute(insert_or_ignore(persons).values(new))
    return person_id


async def two_people(db: AsyncConnection, organisation: str, order: ReferralOrder) -> bool:
    """This will say whether a person's identifiers are known as belonging to different people."""
    prints = [sealed.lookup("person", organisation, each.system, each.value) for each in order.person.identifiers]
    counted = select(func.count(persons.c.person_id.distinct())).where(persons.c.fingerprint.in_(prints))
    return bool(prints) and (await db.scalar(counted) or 0) > 1
