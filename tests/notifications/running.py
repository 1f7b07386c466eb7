"""The notifications service without a bus: facts are handed to it, its timers rung and its errands run, by the test."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import app
from services.notifications.settings import Settings
from services.notifications.store.reminders import history
from shared import clock
from shared.database import Database
from shared.events import notifications
from shared.events.fact import Fact, catalogue
from shared.mailbox import Reply
from shared.mailbox.tables import outbox, timers
from shared.sealed import new_keys
from shared.service import Service
from shared.work import Task, open_tasks
from tests.notifications.made import KEY, NOON, PROGRAMME

SECRET = "an-inbound-secret"


@dataclass
class Running:
    """A service whose clock the test holds."""

    service: Service
    http: httpx.AsyncClient
    kinds: dict[str, type[Fact]] = field(default_factory=lambda: catalogue(notifications))

    async def hear(self, *facts: Fact) -> None:
        """Hand facts over, in one transaction, as the mailbox would."""

        async def handle(heard: list[tuple[str, Fact]], db: AsyncConnection) -> Reply:
            return Reply(None, await self.service.mailbox.board.hear(heard, db))

        await self.service.mailbox.run(handle, [(each.key(), each) for each in facts])

    async def settle(self) -> None:
        """Ring what is due and run the errands, until nothing is left to do now."""
        mailbox = self.service.mailbox
        while await mailbox.timers.once() or await mailbox.errands.once():
            pass

    async def until(self, moment: datetime) -> None:
        """Let domain time pass, stopping at every timer on the way."""
        await self.settle()
        while (due := await self.next_due()) and due <= moment:
            clock.step_to(due)
            await self.settle()
        clock.step_to(moment)
        await self.settle()

    async def next_due(self) -> datetime | None:
        """When the next timer rings."""
        async with self.service.database.reading() as db:
            found: datetime | None = await db.scalar(select(func.min(timers.c.due)).where(timers.c.rung_at.is_(None)))
        return found

    async def said(self, kind: type[Fact]) -> list[Any]:
        """What the service said, of one kind, in order."""
        wanted = select(outbox.c.body).where(outbox.c.type == kind.type_name()).order_by(outbox.c.id)
        async with self.service.database.reading() as db:
            return [kind.model_validate_json(body) for body in (await db.scalars(wanted)).all()]

    async def tasks(self) -> list[Task]:
        """The work that waits for people."""
        async with self.service.database.reading() as db:
            return await open_tasks(db)

    async def figures(self) -> dict[str, int]:
        """What it counts."""
        self.service.started = True
        return await self.service.counted()

    async def history(self, person_id: UUID) -> list[dict[str, Any]]:
        """A person's messages."""
        async with self.service.database.reading() as db:
            return await history(db, person_id)

    async def text(self, words: str, *, sender: str, message_id: str) -> httpx.Response:
        """Post a text as the provider would, and let what follows from it happen."""
        body = {"id": message_id, "from": sender, "text": words}
        answer = await self.http.post("/inbound/sms", json=body, headers={"X-Inbound-Secret": SECRET})
        await self.settle()
        return answer


@asynccontextmanager
async def running(database: Database, folder: Path, **knobs: Any) -> AsyncIterator[Running]:
    """A service on an empty store, at noon."""
    (folder / "programme.json").write_text(PROGRAMME.model_dump_json())
    (folder / "seal.json").write_text(new_keys())
    url = database.engine.url.render_as_string(hide_password=False)
    files = {"programme": folder / "programme.json", "seal_keys": folder / "seal.json", "database_url": url}
    service = app.create(Settings(**{"inbound_secret": SECRET, **files, **knobs}))
    clock.step_to(NOON)
    await service.open_store()
    transport = httpx.ASGITransport(app=service.http, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://notifications") as http:
        http.headers["Authorization"] = f"Bearer {KEY}"
        yield Running(service, http)
    await service.database.close()


def days(count: float) -> timedelta:
    """So many days."""
    return timedelta(days=count)


def as_json(value: Any) -> str:
    """What a log or an answer would show of a value."""
    return json.dumps(value, default=str)
