"""What people wrote to us, and what they were answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules.replies import Reply
from services.notifications.store.tables import answers, replies
from shared.database import insert_or_ignore
from shared.events.notifications import AnswerKind

HEAR, ANSWER = insert_or_ignore(replies), insert_or_ignore(answers)
ANSWERED = (
    update(answers)
    .where(answers.c.answer_id == bindparam("which"))
    .values({each: bindparam(f"to_{each}") for each in ("state", "sent_at", "provider_id")})
)
HELPED = (
    select(answers.c.answer_id)
    .where(answers.c.person_id == bindparam("person_id"), answers.c.kind == "help")
    .where(answers.c.intended_at >= bindparam("since"))
    .limit(1)
)


async def hear(
    db: AsyncConnection, *, reply_id: UUID, person_id: UUID | None, text: str, reply: Reply, at: datetime
) -> bool:
    """This will keep what somebody wrote, and say whether it is new; of a stranger's words only that they came."""
    row = {"reply_id": reply_id, "person_id": person_id, "meaning": reply.meaning, "danger": reply.danger}
    kept = await db.execute(HEAR, {**row, "text": text if person_id else None, "heard_at": at})
    return bool(kept.rowcount)


async def answer(db: AsyncConnection, *, answer_id: UUID, person_id: UUID, kind: AnswerKind, at: datetime) -> bool:
    """This will commit the intent to answer somebody, once."""
    row = {"answer_id": answer_id, "person_id": person_id, "kind": kind, "state": "sending", "intended_at": at}
    return bool((await db.execute(ANSWER, row)).rowcount)


async def answered(
    db: AsyncConnection, answer_id: UUID, *, state: str, at: datetime | None = None, provider_id: str | None = None
) -> None:
    """This will keep what became of an answer."""
    change = {"which": answer_id, "to_state": state, "to_sent_at": at, "to_provider_id": provider_id}
    await db.execute(ANSWERED, change)


async def was_helped(db: AsyncConnection, person_id: UUID, *, since: datetime) -> bool:
    """This will say whether somebody has been sent the help text of late."""
    return await db.scalar(HELPED, {"person_id": person_id, "since": since}) is not None
