"""Databases are looked at before anything is started on them."""

import pytest

from deploy.stores import refuse_unanswered, refuse_used
from deploy.supervisor import StartError
from shared.database import Database
from tests.bus import with_shared_tables
from tests.servers import free_port


def url_of(database: Database) -> str:
    told = database.engine.url.render_as_string(hide_password=False)
    return told.replace("+asyncpg", "").replace("+aiosqlite", "")


async def test_a_database_that_does_not_answer_is_named_with_the_remedy() -> None:
    with pytest.raises(StartError, match=r"database of matching does not answer .* is it started"):
        await refuse_unanswered({"matching": f"postgresql://nobody@127.0.0.1:{free_port()}/matching"})


async def test_a_demo_is_refused_on_a_database_that_holds_something(database: Database) -> None:
    empty = {"matching": url_of(database)}
    await refuse_used(empty)

    await with_shared_tables(database)

    if database.path:
        await refuse_used(empty)  # A demo clears the files of its own folder.
    else:
        with pytest.raises(StartError, match="database of matching is not empty"):
            await refuse_used(empty)
