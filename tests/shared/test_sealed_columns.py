"""Sealed columns: what is kept in them is read back as it was, and by nobody who looks at the table."""

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text

from shared.database import Database
from shared.sealed import CannotOpen
from shared.sealed_columns import Sealed, SealedJson

metadata = MetaData()
notes = Table(
    "notes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("note", Sealed("notes.note")),
    Column("told", SealedJson("notes.told")),
    Column("other", Sealed("notes.other")),
)
CANARY = "Robin Café 555-0123"


@pytest.fixture
async def store(database: Database) -> Database:
    """A store with one table."""
    async with database.transaction() as db:
        await db.run_sync(metadata.create_all)
    return database


async def test_text_and_json_come_back_as_they_were_and_nothing_stays_nothing(store: Database) -> None:
    told = {"name": CANARY, "numbers": [1, None, 2.5]}
    async with store.transaction() as db:
        await db.execute(insert(notes).values(number=1, note=CANARY, told=told, other=None))

    async with store.reading() as db:
        found = (await db.execute(select(notes))).one()

    assert tuple(found) == (1, CANARY, told, None)


async def test_the_table_itself_shows_nothing(store: Database) -> None:
    async with store.transaction() as db:
        await db.execute(insert(notes).values(number=1, note=CANARY, told=[CANARY]))

    async with store.reading() as db:
        raw = (await db.execute(text("select note, told from notes"))).one()

    assert all(each.startswith("k1.") for each in raw)
    assert not any(word in each for each in raw for word in CANARY.split())


async def test_what_is_moved_to_another_column_does_not_open(store: Database) -> None:
    async with store.transaction() as db:
        await db.execute(insert(notes).values(number=1, note=CANARY))
        await db.execute(text("update notes set other = note"))

    async with store.reading() as db:
        with pytest.raises(CannotOpen):
            await db.scalar(select(notes.c.other))


@pytest.mark.parametrize("kind", [Sealed, SealedJson])
def test_a_column_that_names_no_place_cannot_be_made(kind: type[Sealed]) -> None:
    with pytest.raises(TypeError):
        kind()
