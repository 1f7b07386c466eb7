"""Runs a service's Alembic migrations, each service's own and no other's; Alembic is imported when there are any."""

import asyncio
import logging
from contextlib import suppress
from importlib import resources
from multiprocessing import get_context

from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError

from shared.database import Database, lock

NEWEST = text("select version_num from alembic_version")


async def upgrade(database: Database, service: str) -> None:
    """This will bring a service's database to the newest schema; processes that start together take turns.

    ValueError says that the database is of a version of ours that does not exist yet.
    """
    if await _is_newest(database, service):
        return
    async with database.transaction() as db:
        await lock(db, "migrations")
        await db.run_sync(_to_newest, service)


def upgrade_in_a_child(database: Database, service: str, share: str) -> None:
    """This will do the same from outside any event loop, in a process that takes Alembic's memory with it.

    What goes wrong there says nothing: whoever then upgrades the database itself finds it too.
    """
    child = get_context("fork").Process(target=_upgrade_alone, args=(database, service, share))
    child.start()
    child.join()


def _upgrade_alone(database: Database, service: str, share: str) -> None:
    async def claimed() -> None:
        await database.claim(share)
        await upgrade(database, service)
        await database.close()

    with suppress(Exception):
        asyncio.run(claimed())


async def _is_newest(database: Database, service: str) -> bool:
    versions = resources.files(f"services.{service}") / "migrations" / "versions"
    known = {each.name.split("_")[0] for each in versions.iterdir() if each.name[0].isdigit()}
    try:
        async with database.reading() as db:
            found = await db.scalar(NEWEST)
    except DBAPIError:
        return False
    if found and found not in known:
        raise ValueError(
            f"this database is of a newer Alongside (schema {found}; this one knows {max(known)}): install that version"
        )
    return bool(found == max(known))


def _to_newest(connection: Connection, service: str) -> None:
    # What it says of its plugins, when it is imported, helps nobody.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(resources.files(f"services.{service}") / "migrations"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def run(metadata: MetaData) -> None:
    """This will be all that a service's `migrations/env.py` says."""
    from alembic import context

    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
