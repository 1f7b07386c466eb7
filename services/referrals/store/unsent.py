"""What the outbox still holds for organisations, made to say no more than it may."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.mailbox.tables import outbox

SAY_INSTEAD = update(outbox).where(outbox.c.channel == bindparam("to"), outbox.c.key == bindparam("about"))
SAY_INSTEAD = SAY_INSTEAD.values(body=bindparam("instead"))


async def say_instead(db: AsyncConnection, some: Sequence[tuple[str, str, bytes]]) -> None:
    """This will let whatever was said on a subject about an id, and is sent from now on, say something else.

    What a broker forgot is sent again from the outbox as well: that, too, says this then.
    """
    rows: list[dict[str, Any]] = [{"to": to, "about": about, "instead": body} for to, about, body in some]
    if rows:
        await db.execute(SAY_INSTEAD, rows)
