"""What organisations posted that could not be taken."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.store.tables import refusals
from shared.database import insert_or_ignore


async def refuse(
    db: AsyncConnection, *, message_id: str, organisation: str, kind: str, errors: list[dict[str, str]], at: datetime
) -> None:
    """This will write down a refusal, with places and remedies and never the values."""
    row = {"message_id": message_id, "organisation": organisation, "kind": kind, "errors": errors, "refused_at": at}
    await db.execute(insert_or_ignore(refusals).values(row))
