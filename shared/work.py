"""Tasks that wait for a person: a row with an owner and a clock, never a log line. Served by every service at /work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Column, Index, MetaData, Select, Table, Text, Uuid, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import now
from shared.database import UtcTime, upsert
from shared.sealed_columns import Sealed
from shared.several import among

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
_OPEN = upsert(
    tasks,
    keys=["task_id"],
    change=["owner", "due", "opened_at", "note", "done_at", "done_by"],
    where=tasks.c.done_at.is_not(None),
)
_DONE = update(tasks).where(tasks.c.task_id == bindparam("one"), tasks.c.done_at.is_(None))
_STILL_OPEN = select(tasks.c.about).where(among(tasks.c.task_id, "some"), tasks.c.done_at.is_(None))
_NOTES = select(tasks.c.task_id, tasks.c.note).where(among(tasks.c.task_id, "some"))
_ALL_DONE = update(tasks).where(among(tasks.c.task_id, "some"), tasks.c.done_at.is_(None))

MOST = 10_000
"""How many tasks are listed at once."""
ON_CALL = "on-call"
"""The owner of what cannot wait: somebody may be in danger."""


class Task(BaseModel):
    """Work for a person; `about` is an id, `due` an instant (UTC)."""

    task_id: UUID
    kind: str
    about: str
    owner: str
    due: datetime
    opened_at: datetime
    note: str | None = None


class Waiting(BaseModel):
    """How many tasks of a kind are open, since when the oldest is, and the first due time."""

    kind: str
    count: int
    opened_at: datetime
    due: datetime


class Done(BaseModel):
    """Who did it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    by: Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A task to be put before somebody; `about` is an id, `due` an instant (UTC)."""

    kind: str
    about: str
    owner: str
    due: datetime
    note: str | None = None


async def open_task(
    db: AsyncConnection, *, kind: str, about: str, owner: str, due: datetime, note: str | None = None
) -> bool:
    """This will put a task before somebody, and say whether it was not open; one that was done is open again."""
    asked = Asked(kind=kind, about=about, owner=owner, due=due, note=note)
    return bool((await db.execute(_OPEN, _row(asked, now()))).rowcount)


async def open_each(db: AsyncConnection, some: Iterable[Asked]) -> None:
    """This will put many tasks before people, as `open_task` does each."""
    at = now()
    rows = [_row(each, at) for each in some]
    if rows:
        await db.execute(_OPEN, rows)


async def renew(db: AsyncConnection, some: Sequence[Asked], *, by: str) -> None:
    """This will put tasks before people anew where their notes are not what they were, open or done; none: it is done.

    Somebody who looked at a task and closed it is not asked again what they know.
    """
    before = await notes_of(db, some)
    known = {task_of(each.kind, each.about): each for each in some}
    changed = {one: each for one, each in known.items() if (each.note or "") != before.get(one, "")}
    await _close(db, changed, by=by)
    await open_each(db, changed.values())
    await _close(db, [one for one, each in changed.items() if not each.note], by=by)


async def notes_of(db: AsyncConnection, some: Iterable[Asked]) -> dict[UUID, str]:
    """This will give the notes of tasks, open or done, as people were asked last."""
    ids = [task_of(each.kind, each.about) for each in some]
    rows = (await db.execute(_NOTES, {"some": ids})).all() if ids else []
    return {row.task_id: row.note for row in rows if row.note}


async def still_open(db: AsyncConnection, *, kind: str, abouts: Iterable[str]) -> set[str]:
    """This will choose, among what tasks of a kind may be about, that which somebody is still asked to do."""
    some = [task_of(kind, each) for each in abouts]
    return set((await db.execute(_STILL_OPEN, {"some": some})).scalars()) if some else set()


def _row(asked: Asked, at: datetime) -> dict[str, Any]:
    told = {"kind": asked.kind, "about": asked.about, "owner": asked.owner, "due": asked.due, "note": asked.note}
    return {"task_id": task_of(asked.kind, asked.about), **told, "opened_at": at, "done_at": None, "done_by": None}


def task_of(kind: str, about: str) -> UUID:
    """This will give the id of the task of a kind about a thing."""
    return uuid5(NAMESPACE, f"{kind} {about}")


async def close_task(db: AsyncConnection, *, kind: str, about: str, by: str) -> bool:
    """This will mark a task as done, and say whether it was open."""
    return await close_by_id(db, task_of(kind, about), by)


async def hand_over(db: AsyncConnection, *, kinds: Sequence[str], about: str, to: Asked) -> None:
    """This will close the open tasks of some kinds about a thing, and put `to` before somebody with the same note."""
    some = select(tasks.c.note).where(among(tasks.c.task_id, "some"), tasks.c.done_at.is_(None))
    notes = (await db.scalars(some, {"some": [task_of(each, about) for each in kinds]})).all()
    note = "\n".join(filter(None, notes)) or None
    await close_tasks(db, kind=tuple(kinds), abouts=[about], by=to.owner)
    await open_each(db, [replace(to, note=note)])


async def close_tasks(db: AsyncConnection, *, kind: str | tuple[str, ...], abouts: Iterable[str], by: str) -> None:
    """This will mark the tasks of a kind, or of any of several, about any of these things as done."""
    kinds = (kind,) if isinstance(kind, str) else kind
    await _close(db, [task_of(one, each) for each in abouts for one in kinds], by=by)


async def _close(db: AsyncConnection, ids: Iterable[UUID], *, by: str) -> None:
    some = list(ids)
    if some:
        await db.execute(_ALL_DONE, {"some": some, "done_at": now(), "done_by": by})


async def close_by_id(db: AsyncConnection, task_id: UUID, by: str) -> bool:
    """This will mark the task with this id as done, and say whether it was open."""
    return bool((await db.execute(_DONE, {"one": task_id, "done_at": now(), "done_by": by})).rowcount)


async def open_tasks(db: AsyncConnection, *, kind: str | None = None, limit: int = MOST) -> list[Task]:
    """This will list what waits for a person, or of it one kind, the most pressing first."""
    waiting = select(tasks).where(tasks.c.done_at.is_(None), *([tasks.c.kind == kind] if kind else []))
    wanted = waiting.order_by(tasks.c.owner != ON_CALL, tasks.c.due, tasks.c.task_id).limit(limit)
    return [Task(**row) for row in (await db.execute(wanted)).mappings()]


async def open_one(db: AsyncConnection, task_id: UUID) -> Task | None:
    """This will find an open task."""
    return await _one(db, select(tasks).where(tasks.c.task_id == task_id, tasks.c.done_at.is_(None)))


async def one_task(db: AsyncConnection, task_id: UUID) -> Task | None:
    """This will find a task, open or done."""
    return await _one(db, select(tasks).where(tasks.c.task_id == task_id))


async def _one(db: AsyncConnection, wanted: Select[Any]) -> Task | None:
    row = (await db.execute(wanted)).mappings().one_or_none()
    return Task(**row) if row else None


async def open_by_kind(db: AsyncConnection) -> list[Waiting]:
    """This will count the open tasks, kind by kind."""
    counted = select(
        tasks.c.kind,
        func.count().label("count"),
        func.min(tasks.c.opened_at).label("opened_at"),
        func.min(tasks.c.due).label("due"),
    )
    wanted = counted.where(tasks.c.done_at.is_(None)).group_by(tasks.c.kind)
    return [Waiting(**row) for row in (await db.execute(wanted)).mappings()]
