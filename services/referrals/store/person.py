"""People: found again by the fingerprints of what an organisation calls them, never by name."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.store.tables import persons
from shared.database import insert_or_ignore
from shared.ids import beside
from shared.several import among

KNOWN = select(persons.c.fingerprint, persons.c.person_id).where(among(persons.c.fingerprint, "prints"))
KNOW = insert_or_ignore(persons)


async def people_of(db: AsyncConnection, prints: Iterable[str]) -> dict[str, UUID]:
    """This will find people by fingerprints; those that nobody is known by are left out."""
    wanted = sorted(set(prints))
    if not wanted:
        return {}
    return {row.fingerprint: row.person_id for row in await db.execute(KNOWN, {"prints": wanted})}


async def know(db: AsyncConnection, people: Mapping[str, UUID]) -> None:
    """This will remember by which fingerprints people are known, one person each."""
    rows = [{"fingerprint": each, "person_id": people[each]} for each in sorted(people)]
    if rows:
        await db.execute(KNOW, rows)


def person_of(prints: Iterable[str], people: Mapping[str, UUID], referral_id: UUID) -> tuple[UUID, list[UUID]]:
    """This will say who it is, by their fingerprints and the people known by them, and whom those point to besides.

    Somebody new has an id beside the referral's; without identifiers they are known by this referral only. When
    identifiers point to several people, the first goes on, and a person must look at the others.
    """
    mine = list(prints)
    if not mine:
        return beside(referral_id, "person"), []
    found = list(dict.fromkeys(people[each] for each in mine if each in people))
    person_id = found[0] if found else beside(referral_id, f"person {mine[0]}")
    return person_id, found[1:]
