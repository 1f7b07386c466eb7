"""The store keeps who was referred sealed, and its schema is the one its migrations make."""

from uuid import UUID, uuid4

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.rules.order import ReferralOrder
from services.referrals.store import tables
from shared import migrations
from shared.database import Database
from shared.events.referrals import ReferralAccepted
from tests.referrals.makers import Desk, order, patient, person, request


async def test_migrations_make_the_schema_that_the_tables_declare(database: Database) -> None:
    await migrations.upgrade(database, "referrals")

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), store.metadata))

    async with database.transaction() as db:
        found = await db.run_sync(differences)

    assert [each for each in found if "alembic_version" not in str(each)] == []


async def test_nothing_about_a_person_is_readable_at_rest(desk: Desk) -> None:
    note = [{"text": "Prefers mornings"}]
    await desk.referred(request("PLACER-77", answer=None, contained=[patient()], note=note))

    async with desk.service.database.reading() as db:
        names = [each.name for each in tables.metadata.sorted_tables]
        kept = {name: await _raw(db, name) for name in names}

    for secret in ("Ana", "2125550123", "1990-05-06", "M-1", "Prefers mornings"):
        assert not [name for name, rows in kept.items() if secret in rows], secret
    assert [name for name, rows in kept.items() if "PLACER-77" in rows] == ["outbox"]


async def _raw(db: AsyncConnection, table: str) -> str:
    return repr([tuple(row) for row in await db.execute(text(f"select * from {table}"))])


async def test_finds_one_person_by_any_of_their_numbers_and_tells_when_they_are_two(database: Database) -> None:
    await migrations.upgrade(database, "referrals")
    first, second = {"system": "mrn", "value": "1"}, {"system": "mrn", "value": "2"}
    one, other = (order(person=person(identifiers=[each])) for each in (first, second))
    both = order(person=person(identifiers=[first, second]))

    async def met(db: AsyncConnection, organisation: str, order: ReferralOrder) -> tuple[UUID, list[UUID]]:
        prints = store.prints_of(organisation, order)
        person_id, besides = store.person_of(prints, await store.people_of(db, prints), uuid4())
        await store.know(db, dict.fromkeys(prints, person_id))
        return person_id, besides

    async with database.transaction() as db:
        found = [await met(db, "a", each) for each in (one, other, both)]
        elsewhere, _ = await met(db, "b", one)

    ids = [person_id for person_id, _ in found]
    assert ids[0] == ids[2] != ids[1]
    assert elsewhere not in ids
    assert [besides for _, besides in found] == [[], [], [ids[1]]]


async def test_a_person_without_a_number_is_known_by_each_referral_only(desk: Desk) -> None:
    await desk.referred(request("R-1", contained=[patient(identifier=None)]))
    await desk.referred(request("R-2", contained=[patient(identifier=None)]))

    one, other = await desk.said(ReferralAccepted)

    assert one.person_id != other.person_id
    async with desk.service.database.reading() as db:
        assert (await db.execute(select(tables.persons))).all() == []
