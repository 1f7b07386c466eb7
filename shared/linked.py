"""Which people are one human being, as a named person found: remembered by every service, asked wherever one counts."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Column, MetaData, Table, Uuid, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import upsert
from shared.events.referrals import PersonLinked
from shared.several import among

metadata = MetaData()
linked_people = Table(
    "linked_people",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("same_as", Uuid, nullable=False, index=True),
)
"""`same_as` is who stands for everybody who is one human being with a person; one alone stands for themselves."""

LINK = upsert(linked_people, keys=["person_id"], change=["same_as"])
PEOPLE = among(linked_people.c.person_id, "people")
STAND = select(linked_people.c.same_as).where(PEOPLE)
BESIDE = select(linked_people).where(linked_people.c.same_as.in_(STAND) | among(linked_people.c.same_as, "people"))


async def linked(facts: Sequence[PersonLinked], db: AsyncConnection) -> None:
    """This will remember who stands for people from now on: what is said last of somebody counts."""
    if facts:
        last = {each.person_id: each.same_as for each in facts}
        await db.execute(LINK, [{"person_id": each, "same_as": last[each]} for each in sorted(last)])


async def everybody(db: AsyncConnection, people: Iterable[UUID]) -> dict[UUID, frozenset[UUID]]:
    """This will give, of those among these people who are linked, everybody who is one human being with them."""
    wanted = set(people)
    stands: dict[UUID, UUID] = {}
    groups: dict[UUID, set[UUID]] = {}
    for row in await db.execute(BESIDE, {"people": sorted(wanted)}) if wanted else ():
        stands[row.person_id] = row.same_as
        groups.setdefault(row.same_as, {row.same_as}).add(row.person_id)
    found = {each: groups.get(stands.get(each, each), {each}) for each in wanted}
    return {each: frozenset(group) for each, group in found.items() if len(group) > 1}


async def with_linked(db: AsyncConnection, people: Iterable[UUID]) -> set[UUID]:
    """This will add everybody who is one human being with one of these people."""
    wanted = set(people)
    return wanted.union(*(await everybody(db, wanted)).values())
