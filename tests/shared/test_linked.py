"""Every service knows who is one human being by what was said last of each, on both databases."""

from importlib import resources
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect

from shared import migrations, names
from shared.clock import real
from shared.database import Database
from shared.events.referrals import PersonLinked
from shared.linked import everybody, linked, linked_people, with_linked

A, B, C, D = (UUID(int=each) for each in range(1, 5))


def said(person: UUID, same_as: UUID) -> PersonLinked:
    """Who stands for a person."""
    return PersonLinked(person_id=person, same_as=same_as, found_at=real())


async def known(database: Database, *batches: list[PersonLinked]) -> dict[UUID, frozenset[UUID]]:
    """Who is one, after some facts are heard, those of a batch together."""
    await migrations.upgrade(database, "notifications")
    async with database.transaction() as db:
        for each in batches:
            await linked(each, db)
        return await everybody(db, [A, B, C, D])


@pytest.mark.parametrize("order", list(permutations([said(B, A), said(C, A)])))
async def test_people_are_one_whoever_is_heard_of_first(database: Database, order: tuple[PersonLinked, ...]) -> None:
    one = frozenset({A, B, C})

    assert await known(database, *([each] for each in order)) == {A: one, B: one, C: one}


async def test_what_is_said_last_of_somebody_counts_and_said_again_changes_nothing(database: Database) -> None:
    found = await known(database, [said(B, A), said(C, A)], [said(C, A)], [said(B, A), said(B, B)])

    assert found == {A: {A, C}, C: {A, C}}


async def test_whoever_stands_alone_is_linked_with_nobody(database: Database) -> None:
    assert await known(database, [said(B, A)], [said(B, B)]) == {}


async def test_somebody_asked_for_brings_everybody_and_nobody_else(database: Database) -> None:
    await known(database, [said(B, A), said(D, C)])

    async with database.reading() as db:
        assert await with_linked(db, [B]) == {A, B}
        assert await with_linked(db, [A, D]) == {A, B, C, D}
        assert await with_linked(db, []) == set()


BEFORE = {"referrals": "0008", "matching": "0002", "scheduling": "0001", "notifications": "0002"}
"""The last schema of each service that knew nothing of links."""


def older(connection: Connection, service: str) -> None:
    """Make a store as the version before would have."""
    settings = Config()
    settings.set_main_option("script_location", str(resources.files(f"services.{service}") / "migrations"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, BEFORE[service])
    linked_people.drop(connection)


def tables(connection: Connection) -> Any:
    """The names of the tables there are."""
    return inspect(connection).get_table_names()


@pytest.mark.parametrize("service", names.SERVICES)
async def test_a_store_of_an_older_version_gets_to_know_of_links(database: Database, service: str) -> None:
    async with database.transaction() as db:
        await db.run_sync(older, service)

    await migrations.upgrade(database, service)

    async with database.reading() as db:
        assert linked_people.name in await db.run_sync(tables)
