"""What organisations posted that could not be taken."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.store.tables import refusals
from shared.database import insert_or_ignore

REFUSE = insert_or_ignore(refusals)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What was refused of whom: places and remedies, and never the values."""

    message_id: str
    organisation: str
    kind: str
    errors: list[dict[str, str]]


async def refuse(db: AsyncConnection, some: Iterable[Refusal], *, at: datetime) -> None:
    """This will write down refusals."""
    rows = [{**asdict(each), "refused_at": at} for each in some]
    if rows:
        await db.execute(REFUSE, rows)
