"""Sees whether the databases answer, before anything that needs them is started."""

import asyncio
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from deploy.supervisor import StartError
from shared.database import Database

PATIENCE = 5.0


async def refuse_unanswered(databases: Mapping[str, str]) -> None:
    """This will raise StartError, with the server's reason, when a service's PostgreSQL does not answer in seconds."""
    await asyncio.gather(*(_ask(service, Database.open(url)) for service, url in databases.items()))


async def _ask(service: str, database: Database) -> None:
    if database.path:
        # A file; the service makes it.
        return
    try:
        async with asyncio.timeout(PATIENCE), database.reading() as db:
            await db.execute(text("select 1"))
    except (SQLAlchemyError, OSError, TimeoutError) as wrong:
        raise StartError(_refusal(service, wrong)) from wrong
    finally:
        await database.close()


def _refusal(service: str, wrong: Exception) -> str:
    reason = str(getattr(wrong, "orig", None) or wrong).splitlines()[:1] or ["no answer"]
    return f"The database of {service} does not answer ({reason[0]}): is it started and made, and --database right?"
