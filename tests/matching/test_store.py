"""What the database itself refuses, and that the schema is the one the store declares."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from services.matching.handlers.count import figures
from services.matching.rules.offers import Offer
from services.matching.store import metadata, offers, supporters
from shared.database import broken_rule
from shared.events.matching import OfferMade
from tests.matching.desk import Desk, of
from tests.matching.makers import NOON, PROGRAMME, accepted, told


async def asked(desk: Desk, **changes: Any) -> Offer:
    """An open offer of a supporter with room for one."""
    async with desk.client() as client:
        await client.put(f"/supporters/{uuid4()}", json=told(**changes))
    [made] = of(OfferMade, await desk.tell(accepted()))
    async with desk.database.reading() as db:
        return (await offers.some(db, [made.offer_id]))[made.offer_id]


async def refusal(desk: Desk, statement: Any) -> str:
    with pytest.raises(IntegrityError) as refused:
        async with desk.database.transaction() as db:
            await db.execute(statement)
    return broken_rule(refused.value)


async def test_nobody_can_hold_more_than_their_room(desk: Desk) -> None:
    offer = await asked(desk)

    with pytest.raises(IntegrityError) as refused:
        async with desk.database.transaction() as db:
            await supporters.add_load(db, {offer.supporter_id: 15})

    assert broken_rule(refused.value) == "nobody_holds_more_than_their_room"


async def test_a_capacity_lowered_below_what_is_held_takes_nobody_away_and_takes_nobody_new(desk: Desk) -> None:
    offer = await asked(desk, capacity=3)

    async with desk.client() as client:
        lowered = await client.put(f"/supporters/{offer.supporter_id}", json=told(capacity=0))
    assert lowered.json()["caseload"] == 1.5
    with pytest.raises(IntegrityError):
        async with desk.database.transaction() as db:
            await supporters.add_load(db, {offer.supporter_id: 1})
    async with desk.database.transaction() as db:
        await supporters.take_load(db, {offer.supporter_id: 15})
        found = await supporters.supporters_by_id(db, [offer.supporter_id])

    assert found[offer.supporter_id].held == 0


async def test_a_referral_has_one_open_offer_and_no_supporter_is_asked_twice(desk: Desk) -> None:
    offer = await asked(desk)
    row = {
        **{each: getattr(offer, each) for each in offers.FIELDS},
        "offer_id": uuid4(),
        "offering_id": uuid4(),
    }
    table = metadata.tables["offers"]

    async with desk.client() as client:
        other = (await client.put(f"/supporters/{uuid4()}", json=told())).json()["supporter_id"]
    open_twice = await refusal(desk, insert(table).values({**row, "supporter_id": UUID(other)}))
    asked_twice = await refusal(desk, insert(table).values({**row, "state": "expired"}))

    assert open_twice in ("one_open_offer_a_referral", "offers.referral_id")
    assert asked_twice in ("nobody_is_asked_twice", "offers.referral_id, offers.supporter_id")


async def test_a_referral_has_one_match(desk: Desk) -> None:
    offer = await asked(desk)
    async with desk.database.transaction() as db:
        await offers.match(db, [offer], at=NOON)

    row = {"match_id": uuid4(), "referral_id": offer.referral_id, "person_id": offer.person_id, "offering_id": uuid4()}
    again = insert(metadata.tables["matches"]).values(**row, state="active", counts=15, made_at=NOON)

    assert await refusal(desk, again) in ("one_match_a_referral", "matches.referral_id")


async def test_the_migrations_make_the_schema_that_the_store_declares(desk: Desk) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with desk.database.transaction() as db:
        found = await db.run_sync(differences)

    assert [each for each in found if "alembic_version" not in str(each)] == []


async def test_counts_what_it_has_done(desk: Desk) -> None:
    offer = await asked(desk)
    await desk.tell(accepted())
    async with desk.client() as client:
        await client.post(f"/offers/{offer.offer_id}/answer", json={"answer": "accept"})
    await desk.settle()

    async with desk.database.reading() as db:
        counted = await figures(db, programme=PROGRAMME)

    assert counted == {
        "supporters_active": 1,
        "offers_made": 1,
        "offers_open": 0,
        "offers_accepted": 1,
        "offers_declined": 0,
        "offers_expired": 0,
        "offers_withdrawn": 0,
        "matches_made": 1,
        "bridges_offered": 0,
        "matching_waiting": 1,
        "referrals_waitlisted_ever": 1,
        "matching_oldest_wait_business_days": 0,
    }


async def test_what_a_supporter_holds_is_always_what_offers_and_matches_count(desk: Desk) -> None:
    async with desk.client() as client:
        for _ in range(3):
            await client.put(f"/supporters/{uuid4()}", json=told(capacity=4))
        found = of(OfferMade, await desk.tell(*(accepted() for _ in range(8))))
        for index, each in enumerate(found):
            body = [{"answer": "accept"}, {"answer": "decline", "code": "time"}][index % 2]
            await client.post(f"/offers/{each.offer_id}/answer", json=body)
            await desk.settle()

    table = metadata.tables
    async with desk.database.reading() as db:
        rows = await db.execute(select(table["supporters"].c.supporter_id, table["supporters"].c.held))
        held = {row.supporter_id: row.held for row in rows}
        counted: dict[Any, int] = dict.fromkeys(held, 0)
        for name, state in (("offers", "open"), ("matches", "active")):
            each = table[name]
            sums = select(each.c.supporter_id, func.sum(each.c.counts)).where(each.c.state == state)
            for supporter_id, total in await db.execute(sums.group_by(each.c.supporter_id)):
                counted[supporter_id] += total

    assert held == counted
