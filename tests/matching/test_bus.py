"""Matching on a real NATS: a posted supporter is answered, and what the service says itself comes back to it."""

import json
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select

from services.matching import app
from services.matching.handlers.answer import Answered, answer
from services.matching.rules.policy import Policy
from services.matching.store.tables import metadata
from shared import migrations
from shared.database import Database
from shared.mailbox.box import Mailbox
from shared.mailbox.outbox import say
from tests.bus import PROGRAMME, running_bus, running_mailbox, until
from tests.matching.makers import accepted, told

OFFERS = metadata.tables["offers"]


async def test_a_decline_comes_back_through_the_stream_and_the_next_is_asked(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}")
    await migrations.upgrade(database, "matching")

    def register(mailbox: Mailbox) -> None:
        app.switch(mailbox, PROGRAMME, Policy())

    async def count(state: str) -> Any:
        async with database.reading() as db:
            return await db.scalar(select(func.count()).select_from(OFFERS).where(OFFERS.c.state == state))

    async def supporters() -> Any:
        async with database.reading() as db:
            return await db.scalar(select(func.count()).select_from(metadata.tables["supporters"])) == 2

    async with running_bus(tmp_path / "nats") as bus, running_mailbox(bus, "matching", database, register) as mailbox:
        agency = await bus.client("programme")
        for _ in range(2):
            await agency.jetstream().publish("ingest.programme.supporter.v1", _json(told(supporter_id=str(uuid4()))))
        await until(supporters)
        async with database.transaction() as db:
            said = await mailbox.board.hear([("x", accepted())], db)
            await say(db, "matching", said)
        async with database.reading() as db:
            offer_id = await db.scalar(select(OFFERS.c.offer_id))

        given = Answered(offer_id=offer_id, organisation="programme", answer="decline", code="time")
        await mailbox.together(partial(answer, programme=PROGRAMME, policy=Policy()))(given)

        await until(lambda: count("open"))
        assert await count("declined") == 1
        await agency.close()
    await database.close()


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()
