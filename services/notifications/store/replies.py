"""What people wrote to us, and what they were answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules.replies import Reply
from services.notifications.store.tables import answers, replies
from shared.database import insert_or_ignore
from shared.events.notifications import AnswerKind


async def hear(
    db: AsyncConnection, *, reply_id: UUID, person_id: UUID | None, text: str, reply: Reply, at: datetime
) -> bool:
    """This will keep what somebody wrote, and say whether it is new; of a stranger's words only that they came."""
    row = {"reply_id": reply_id, "person_id": person_id, "meaning": reply.meaning, "danger": reply.danger}
    kept = insert_or_ignore(replies).values(**row, text=text if person_id else None, heard_at=at)
    return bool((await db.execute(kept)).rowcount)


async def answer(db: AsyncConnection, *, answer_id: UUID, person_id: UUID, kind: AnswerKind, at: datetime) -> bool:
    """This will commit the intent to answer somebody, once."""
    row = {"answer_id": answer_id, "person_id": person_id, "kind": kind, "state": "sending", "intended_at": at}
    return bool((await db.execute(insert_or_ignore(answers).values(**row))).rowcount)


async def answered(
    db: AsyncConnection, answer_id: UUID, *, state: str, at: datetime | None = None, provider_id: str | None = None
) -> None:
    """This will keep what became of an answer."""
    changed = update(answers).where(answers.c.answer_id == answer_id)
    await db.execute(changed.values(state=state, sent_at=at, provider_id=provider_id))


async def was_helped(db: AsyncConnection, person_id: UUID, *, since: datetime) -> bool:
    """This will say whether somebody has been sent the help text of late."""
    late = (answers.c.person_id == person_id) & (answers.c.kind == "help") & (answers.c.intended_at >= since)
    return await db.scalar(select(answers.c.answer_id).where(late).limit(1)) is not None
