"""Assertions that were exchanged for a token: each counts once."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.store.tables import assertions
from shared.clock import real
from shared.database import insert_or_ignore
from shared.sealed import lookup

USE = insert_or_ignore(assertions)


async def use(db: AsyncConnection, organisation: str, jti: str, until: datetime) -> bool:
    """This will write down that an assertion was used, and say whether it never was before; old ones are forgotten."""
    await db.execute(delete(assertions).where(assertions.c.until < real()))
    row = {"assertion_id": lookup("assertion", organisation, jti), "until": until}
    return bool((await db.execute(USE, [row])).rowcount)
