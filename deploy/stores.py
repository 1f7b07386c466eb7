"""Sees whether the databases answer, before anything that needs them is started."""

import asyncio
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from deploy.supervisor import StartError
from shared.away import reason
from shared.database import Database

PATIENCE = 5.0


TABLES = text("select count(*) from information_schema.tables where table_schema = current_schema()")


async def refuse_unanswered(databases: Mapping[str, str]) -> None:
    """This will raise StartError, with the server's reason, when a service's PostgreSQL does not answer in seconds."""
    await asyncio.gather(*(_tables_of(service, Database.open(url)) for service, url in databases.items()))


async def refuse_used(databases: Mapping[str, str]) -> None:
    """This will raise StartError when a service's PostgreSQL holds anything, which new keys could not open."""
    for service, url in databases.items():
        if await _tables_of(service, Database.open(url)):
            raise StartError(
                f"The database of {service} is not empty, and a demo begins with new keys: "
                "make it anew, or name others with --database."
            )


async def _tables_of(service: str, database: Database) -> int:
    """This will count the tables of a PostgreSQL database; none for a file, which the service makes."""
    if database.path:
        return 0
    try:
        async with asyncio.timeout(PATIENCE), database.reading() as db:
            return int(await db.scalar(TABLES) or 0)
    except (SQLAlchemyError, OSError, TimeoutError) as wrong:
        raise StartError(_refusal(service, wrong)) from wrong
    finally:
        await database.close()


def _refusal(service: str, wrong: Exception) -> str:
    return f"The database of {service} does not answer ({reason(wrong)}): is it started and made, and --database right?"
