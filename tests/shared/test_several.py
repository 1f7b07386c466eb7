"""Many values as one parameter: the same rows on both databases, and one statement however many there are."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text, Uuid, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database, UtcTime
from shared.several import among, rows

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("size", Integer),
    Column("weight", BigInteger),
    Column("at", UtcTime),
)
MANY = [
    {"id": UUID(int=each), "name": f"'{each}\" é", "size": each, "weight": 2**40 + each, "at": NOON + timedelta(each)}
    for each in range(30)
]


@pytest.fixture
async def db(database: Database) -> Any:
    async with database.transaction() as db:
        await db.run_sync(metadata.create_all)
        await db.execute(insert(things), MANY)
        yield db


@pytest.mark.parametrize("name", ["id", "name", "size", "weight", "at"])
@pytest.mark.parametrize("wanted", [[], [3], [1, 4, 29]])
async def test_finds_the_rows_whose_value_is_among_those_given(
    db: AsyncConnection, name: str, wanted: list[int]
) -> None:
    column = things.c[name]
    chosen = select(things.c.size).where(among(column, "some")).order_by(things.c.size)

    found = await db.execute(chosen, {"some": [MANY[each][name] for each in wanted]})

    assert list(found.scalars()) == wanted


async def test_two_lists_and_other_parameters_stand_beside_each_other(db: AsyncConnection) -> None:
    chosen = select(things.c.size).where(
        among(things.c.id, "ids"), among(things.c.name, "names"), things.c.size < bindparam("below")
    )

    found = await db.execute(
        chosen,
        {
            "ids": [UUID(int=each) for each in range(20)],
            "names": [MANY[each]["name"] for each in (3, 7, 9)],
            "below": 8,
        },
    )

    assert sorted(found.scalars()) == [3, 7]


async def test_changes_and_deletes_what_is_given_and_counts_it(db: AsyncConnection) -> None:
    changed = await db.execute(
        update(things).where(among(things.c.id, "some")).values(name=bindparam("to")),
        {"some": [UUID(int=1), UUID(int=2), uuid4()], "to": "new"},
    )

    assert changed.rowcount == 2
    assert len((await db.execute(select(things).where(things.c.name == "new"))).all()) == 2


async def test_the_statement_is_the_same_for_every_number_of_values(db: AsyncConnection) -> None:
    chosen = select(things.c.size).where(among(things.c.id, "some"))
    written = [chosen.compile(dialect=db.dialect, compile_kwargs={"render_postcompile": True}).string for _ in range(2)]

    assert written[0] == written[1] and "POSTCOMPILE" not in written[0]


async def test_rows_given_as_one_parameter_are_read_with_their_kinds(db: AsyncConnection) -> None:
    wanted = rows("some", name=Text(), weight=BigInteger())
    given = [{"name": 'it\'s "é"', "weight": 2**50}, {"name": "b", "weight": 0}]

    found = (await db.execute(wanted, {"some": given})).mappings().all()

    assert sorted(map(dict, found), key=lambda each: -each["weight"]) == given
    assert (await db.execute(wanted, {"some": []})).all() == []
