"""Tasks that wait for a person: a row with an owner and a clock, never a log line. Served by every service at /work."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Column, Index, MetaData, Table, Text, Uuid, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.callers import Caller, of_kind
from shared.clock import now
from shared.database import Database, UtcTime, insert_or_ignore
from shared.edge import Problem, StrictRoute
from shared.mailbox.said import Reply
from shared.sealed import Sealed

NAMESPACE = UUID("6f1c8a52-6c0e-5d57-9a3c-7a1f0b6f2e11")

metadata = MetaData()
tasks = Table(
    "tasks",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("due", UtcTime, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("note", Sealed("tasks.note")),
    Column("done_at", UtcTime),
    Column("done_by", Text),
    Index("tasks_still_open", "done_at", "due"),
)


class Task(BaseModel):
    """Work for a person; `about` is an id, `due` an instant (UTC)."""

    task_id: UUID
    kind: str
    about: str
    owner: str
    due: datetime
    opened_at: datetime
    note: str | None = None


class Done(BaseModel):
    """Who did it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    by: Annotated[str, Field(min_length=1, max_length=200)]


async def open_task(
    db: AsyncConnection, *, kind: str, about: str, owner: str, due: datetime, note: str | None = None
) -> UUID:
    """This will put a task before somebody, once for each kind and thing it is about."""
    task_id = uuid5(NAMESPACE, f"{kind} {about}")
    row = {"task_id": task_id, "kind": kind, "about": about, "owner": owner, "due": due, "opened_at": now()}
    await db.execute(insert_or_ignore(tasks).values(**row, note=note))
    return task_id


async def close_task(db: AsyncConnection, *, kind: str, about: str, by: str) -> bool:
    """This will mark a task as done, and say whether it was open."""
    return await _close(db, uuid5(NAMESPACE, f"{kind} {about}"), by)


async def _close(db: AsyncConnection, task_id: UUID, by: str) -> bool:
    still_open = (tasks.c.task_id == task_id) & tasks.c.done_at.is_(None)
    return bool((await db.execute(update(tasks).where(still_open).values(done_at=now(), done_by=by))).rowcount)


async def open_tasks(db: AsyncConnection, limit: int = 1000) -> list[Task]:
    """This will list what waits for a person, the most pressing first."""
    wanted = select(tasks).where(tasks.c.done_at.is_(None)).order_by(tasks.c.due, tasks.c.task_id).limit(limit)
    return [Task(**row) for row in (await db.execute(wanted)).mappings()]


def routes(database: Database, run: Callable[..., Awaitable[Any]]) -> APIRouter:
    """This will serve GET /work and POST /work/{task_id}/done to the programme's own people."""
    router = APIRouter(route_class=StrictRoute, tags=["work"])

    @router.get("/work")
    async def work(_: Annotated[Caller, Depends(of_kind("agency"))]) -> list[Task]:
        """The tasks that wait for a person."""
        async with database.reading() as db:
            return await open_tasks(db)

    @router.post("/work/{task_id}/done")
    async def done(task_id: UUID, who: Done, _: Annotated[Caller, Depends(of_kind("agency"))]) -> dict[str, bool]:
        """Mark a task as done."""

        async def close(task: UUID, db: AsyncConnection) -> Any:
            return Reply(await _close(db, task, who.by))

        if not await run(close, task_id):
            raise Problem(404, "No such open task", where="path task_id", remedy="list the open ones with GET /work")
        return {"done": True}

    return router
