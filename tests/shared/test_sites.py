"""A programme that has lost a site where people are known is found out at the start, not person by person."""

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert

from shared.database import Database
from shared.programme import Site
from shared.sites import refuse_lost
from tests.bus import PROGRAMME

metadata = MetaData()
people = Table("people", metadata, Column("number", Integer, primary_key=True), Column("site_id", Text))
others = Table("others", metadata, Column("number", Integer, primary_key=True))
SOUTH = Site(site_id="south", public_name="Southside", phone="555-0101")
TWO_SITES = PROGRAMME.model_copy(update={"sites": {**PROGRAMME.sites, "south": SOUTH}})


@pytest.fixture
async def store(database: Database) -> Database:
    """A store with somebody at each of two sites, and somebody at none."""
    async with database.transaction() as db:
        await db.run_sync(metadata.create_all)
        await db.execute(insert(people), [{"site_id": "north"}, {"site_id": "south"}, {"site_id": None}])
    return database


async def test_a_programme_that_describes_every_site_is_accepted(store: Database) -> None:
    await refuse_lost(store, TWO_SITES)


async def test_a_programme_that_has_lost_a_site_is_refused(store: Database) -> None:
    with pytest.raises(ValueError, match="has lost the site south, where people are: put it back"):
        await refuse_lost(store, PROGRAMME)


async def test_a_store_that_knows_nobody_fits_every_programme(database: Database) -> None:
    await refuse_lost(database, PROGRAMME)
