"""What people agreed to, remembered by every service with an outward edge."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Boolean, Column, MetaData, Table, Text, Uuid, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Json, UtcTime, insert_or_ignore
from shared.disclosure import Consent
from shared.events.referrals import ConsentGiven, ConsentRevoked

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


async def given(fact: ConsentGiven, db: AsyncConnection) -> None:
    """This will remember a consent, once."""
    await db.execute(insert_or_ignore(consents).values(**fact.model_dump()))


async def revoked(fact: ConsentRevoked, db: AsyncConnection) -> None:
    """This will end a consent from now on."""
    ended = update(consents).where(consents.c.consent_id == fact.consent_id, consents.c.revoked_at.is_(None))
    await db.execute(ended.values(revoked_at=fact.revoked_at))


async def consents_of(db: AsyncConnection, person_id: UUID) -> list[Consent]:
    """This will give a person's consents, revoked ones too."""
    return (await consents_of_many(db, [person_id])).get(person_id, [])


async def consents_of_many(db: AsyncConnection, person_ids: Iterable[UUID]) -> dict[UUID, list[Consent]]:
    """This will give the consents of several people, by person."""
    found: dict[UUID, list[Consent]] = {}
    rows = await db.execute(select(consents).where(consents.c.person_id.in_(list(person_ids))))
    for row in rows.mappings():
        sets = {"recipients": frozenset(row["recipients"]), "purposes": frozenset(row["purposes"])}
        found.setdefault(row["person_id"], []).append(Consent(**{**row, **sets}))
    return found
