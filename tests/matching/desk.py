"""The matching service at work on a real store, with its own words coming back to it as they do through the stream."""

from collections.abc import Sequence
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.matching import app
from services.matching.rules.policy import Policy
from shared import clock, migrations, work
from shared.database import Database
from shared.edge import add_routes, answer_problems
from shared.events.fact import Fact
from shared.mailbox import Ingested, Reply, Said, Status
from shared.mailbox.box import Mailbox
from shared.mailbox.letter import read
from shared.mailbox.meters import Meters
from shared.mailbox.outbox import say
from shared.mailbox.tables import outbox
from tests.matching.makers import KEY, NOON, PROGRAMME


class Desk:
    """Everything said is in `said`; `tell` gives facts to the service and waits until it has no more to say."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self.database = database
        self.mailbox = Mailbox("matching", database, Meters(CollectorRegistry()))
        app.switch(self.mailbox, PROGRAMME, policy)
        self.http = FastAPI()
        self.http.state.programme = PROGRAMME
        answer_problems(self.http)
        add_routes(self.http, app.edge(self.mailbox, database, PROGRAMME, policy))
        self.said: list[Any] = []
        self._read = 0

    @classmethod
    async def open(cls, database: Database, policy: Policy | None = None) -> "Desk":
        """A desk on Monday noon."""
        await migrations.upgrade(database, "matching")
        clock.step_to(NOON)
        return cls(database, policy or Policy())

    def client(self, key: str = KEY) -> httpx.AsyncClient:
        """A caller with an API key."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.http), base_url="http://test", headers={"Authorization": f"Bearer {key}"}
        )

    async def tell(self, *facts: Fact | Ingested) -> list[Any]:
        """What the service says to these facts, and then to its own."""
        before = len(self.said)
        if facts:
            await self._hear(facts)
        await self.settle()
        return self.said[before:]

    async def settle(self) -> None:
        """Let the service hear what it said itself, until there is nothing new."""
        while True:
            news = await self._news()
            own = [each for each in news if isinstance(each, Fact) and each.type_name() in self.mailbox.board.hearings]
            if not news:
                return
            if own:
                await self._hear(own)

    async def ring(self, moment: Any) -> list[Any]:
        """What the service says when domain time reaches a moment."""
        before = len(self.said)
        clock.step_to(moment)
        while await self.mailbox.timers.once():
            await self.settle()
        return self.said[before:]

    async def tasks(self) -> list[str]:
        """The kinds of the tasks that wait for a person."""
        async with self.database.reading() as db:
            return [each.kind for each in await work.open_tasks(db)]

    async def hear(self, *facts: Fact | Ingested) -> list[Any]:
        """What the service says to these facts at once; its own words do not come back to it."""
        before = len(self.said)
        if facts:
            await self._hear(facts)
        await self._news()
        return self.said[before:]

    async def _hear(self, facts: Sequence[Any]) -> None:
        async with self.database.transaction() as db:
            keyed = [(each.key() if isinstance(each, Fact) else each.message_id, each) for each in facts]
            said: list[Said] = await self.mailbox.board.hear(keyed, db)
            self.said += [each for each in said if isinstance(each, Status)]
            await say(db, "matching", said)

    async def _news(self) -> list[Any]:
        known = self.mailbox.board.facts | {each.type_name(): each for each in SPOKEN}
        async with self.database.reading() as db:
            rows = (await db.execute(outbox.select().where(outbox.c.id > self._read).order_by(outbox.c.id))).all()
        self._read = rows[-1].id if rows else self._read
        facts = [read(known[row.type], row.body) for row in rows if not row.type.startswith("status.")]
        self.said += facts
        return facts or ([None] if rows else [])


def of(kind: type[Any], said: Sequence[Any]) -> list[Any]:
    """Those of one kind."""
    return [each for each in said if isinstance(each, kind)]


def _spoken() -> list[type[Fact]]:
    from shared.events import matching
    from shared.events.fact import catalogue

    return list(catalogue(matching).values())


SPOKEN = _spoken()
__all__ = ["Desk", "Reply", "of"]
