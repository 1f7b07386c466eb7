"""What people at the programme do about a STOP where the person wants messages again and cannot text so themselves."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.store import people
from shared.clock import now
from shared.mailbox import Reply


class Unknown(LookupError):
    """There is no such person here."""


@dataclass(frozen=True, kw_only=True)
class OptingIn:
    """Whose STOP is lifted, by whom, and why they say so."""

    person_id: UUID
    by: str
    reason: str


async def lift(opting: OptingIn, db: AsyncConnection) -> Reply:
    """This will lift a person's own STOP, and answer whose still keeps messages from them: a linked person's.

    Those of linked people stay, for a link may be wrong: each is lifted by itself. Who lifted one and why is kept.
    """
    if not await people.known(db, [opting.person_id]):
        raise Unknown
    if await people.opt_in(db, opting.person_id):
        await people.note_opt_in(db, opting.person_id, by=opting.by, reason=opting.reason, at=now())
    return Reply(await people.who_said_stop(db, [opting.person_id]))
