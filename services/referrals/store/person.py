"""People: found again by the fingerprints of what an organisation calls them, never by name."""

from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.order import ReferralOrder
from services.referrals.store.referral import REFERRALS
from services.referrals.store.tables import persons
from shared.database import insert_or_ignore
from shared.sealed import lookup


async def person_of(
    db: AsyncConnection, organisation: str, order: ReferralOrder, referral_id: UUID
) -> tuple[UUID, bool]:
    """This will find the person by what the organisation calls them, or take note of a new one.

    Without identifiers they are known by this referral only. When identifiers point to two people, the first goes on,
    and the second answer is True: a person must look.
    """
    prints = [lookup("person", organisation, each.system, each.value) for each in order.person.identifiers]
    if not prints:
        return uuid5(referral_id, "person"), False
    known = select(persons.c.fingerprint, persons.c.person_id).where(persons.c.fingerprint.in_(prints))
    found = {row.fingerprint: row.person_id for row in await db.execute(known)}
    fresh = uuid5(REFERRALS, f"person {prints[0]}")
    person_id: UUID = next((found[each] for each in prints if each in found), fresh)
    new = [{"fingerprint": each, "person_id": person_id} for each in sorted(set(prints)) if each not in found]
    if new:
        await db.execute(insert_or_ignore(persons), new)
    return person_id, len(set(found.values())) > 1
