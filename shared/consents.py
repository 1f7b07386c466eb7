"""What people agreed to, remembered by every service with an outward edge."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Boolean, Column, MetaData, Table, Text, Uuid, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Json, UtcTime, insert_or_ignore
from shared.disclosure import Consent
from shared.events.referrals import ConsentGiven, ConsentRevoked
from shared.several import among

metadata = MetaData()
consents = Table(
    "consents",
    metadata,
    Column("consent_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("discloser", Text, nullable=False),
    Column("recipients", Json, nullable=False),
    Column("purposes", Json, nullable=False),
    Column("part2", Boolean, nullable=False),
    Column("signed_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    Column("scope", Text, nullable=False, default=""),
)
REMEMBER = insert_or_ignore(consents)
END = update(consents).where(consents.c.consent_id == bindparam("one"), consents.c.revoked_at.is_(None))
OF_PEOPLE = select(consents).where(among(consents.c.person_id, "people"))


async def given(facts: Sequence[ConsentGiven], db: AsyncConnection) -> None:
    """This will remember consents, each once."""
    if facts:
        await db.execute(REMEMBER, [each.model_dump() for each in facts])


async def revoked(facts: Sequence[ConsentRevoked], db: AsyncConnection) -> None:
    """This will end consents from now on."""
    if facts:
        await db.execute(END, [{"one": each.consent_id, "revoked_at": each.revoked_at} for each in facts])


async def consents_of(db: AsyncConnection, person_id: UUID) -> list[Consent]:
    """This will give a person's consents, revoked ones too."""
    return (await consents_of_many(db, [person_id])).get(person_id, [])


async def consents_of_many(db: AsyncConnection, person_ids: Iterable[UUID]) -> dict[UUID, list[Consent]]:
    """This will give the consents of several people, by person."""
    found: dict[UUID, list[Consent]] = {}
    for row in (await db.execute(OF_PEOPLE, {"people": list(person_ids)})).mappings():
        sets = {"recipients": frozenset(row["recipients"]), "purposes": frozenset(row["purposes"])}
        found.setdefault(row["person_id"], []).append(Consent(**{**row, **sets}))
    return found
