"""Many decisions at once, from several processes' connections: one at a time, and never more than there is room for."""

import asyncio
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from sqlalchemy import func, select

from services.matching.handlers.match import match
from services.matching.rules.policy import Policy
from services.matching.settings import Settings
from services.matching.store.tables import metadata
from shared.database import Database
from shared.mailbox.box import Mailbox
from shared.mailbox.meters import Meters
from tests.matching.desk import Desk
from tests.matching.makers import PROGRAMME, accepted, told


async def test_batches_decided_at_once_ask_nobody_beyond_their_room_and_leave_nobody_out(desk: Desk) -> None:
    async with desk.client() as client:
        for _ in range(5):
            await client.put(f"/supporters/{uuid4()}", json=told(capacity=3))
    url = desk.database.engine.url.render_as_string(hide_password=False)
    others = [Database.open(url) for _ in range(2 if desk.database.dialect == "postgresql" else 0)]
    boxes = [Mailbox("matching", each, Meters(CollectorRegistry())) for each in (desk.database, *others)]
    decide = partial(match, programme=PROGRAMME, policy=Policy())

    await asyncio.gather(*(boxes[turn % len(boxes)].run(decide, [accepted(), accepted()]) for turn in range(10)))

    offers, referrals = metadata.tables["offers"], metadata.tables["referrals"]
    async with desk.database.reading() as db:
        made = await db.scalar(select(func.count()).select_from(offers))
        listed = await db.scalar(select(func.count()).where(referrals.c.waitlisted_at.is_not(None)))
    for each in others:
        await each.close()
    assert (made, listed) == (10, 10)


def test_the_policy_is_a_file_and_a_wrong_one_says_where(tmp_path: Path) -> None:
    written, wrong = tmp_path / "policy.json", tmp_path / "wrong.json"
    written.write_text('{"version": "2026-2", "floor": 40}')
    wrong.write_text('{"version": "2026-2", "weights": {"challenge": 99}}')

    decided = Settings(policy=written).decided()

    assert (decided.version, decided.floor, Settings().decided()) == ("2026-2", 40, Policy())
    with pytest.raises(ValidationError, match="sum up to 100"):
        Settings(policy=wrong).decided()
