"""Runs a service's Alembic migrations, each service's own and no other's."""

from importlib import resources

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData

from shared.database import Database, lock


async def upgrade(database: Database, service: str) -> None:
    """This will bring a service's database to the newest schema; processes that start together take turns."""
    settings = Config()
    settings.set_main_option("script_location", str(resources.files(f"services.{service}") / "migrations"))
    async with database.transaction() as db:
        await lock(db, "migrations")

        def to_newest(connection: Connection) -> None:
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")

        await db.run_sync(to_newest)


def run(metadata: MetaData) -> None:
    """This will be all that a service's `migrations/env.py` says."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
