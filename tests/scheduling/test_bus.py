"""The insurer's question through a real broker, from the insurer's own account."""

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from services.scheduling.handlers import answering
from services.scheduling.rules.plans import read
from services.scheduling.rules.question import DISCLOSURE
from shared import migrations
from shared.database import Database
from shared.mailbox import Ingested
from tests.bus import PROGRAMME, Bus, running_bus, running_mailbox

PLANS = read(Path("services/scheduling/plans.json").read_text())
ASK = "query.garden-health.covered-sessions.v1"


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    async with running_bus(tmp_path / "nats") as running:
        yield running


async def test_an_insurer_that_is_suspended_is_answered_nothing_but_that(database: Database):
    programme = PROGRAMME.model_copy(deep=True)
    insurer = programme.organisations["garden-health"].model_copy(update={"suspended": True})
    programme.organisations["garden-health"] = insurer
    asked = Ingested("garden-health", "covered-sessions", b'{"from": "2026-03-01", "to": "2026-03-31"}', "", "1")

    async with database.transaction() as db:
        told = await answering.answer_on_bus(asked, db, plans=PLANS, programme=programme)

    assert told["error"]["status"] == 403
    assert "your organisation is suspended" in told["error"]["errors"][0]["remedy"]


async def test_an_insurer_asks_on_its_own_subject_and_is_answered(bus: Bus, database: Database):
    await migrations.upgrade(database, "scheduling")
    handler = partial(answering.answer_on_bus, plans=PLANS, programme=PROGRAMME)

    async with running_mailbox(bus, "scheduling", database, lambda box: box.on_query("covered-sessions", handler)):
        insurer = await bus.client("garden-health")
        asked = [{"from": "2026-03-01", "to": "2026-03-31"}, {"from": "2026-03-01"}]
        told = [json.loads((await insurer.request(ASK, json.dumps(each).encode(), timeout=5)).data) for each in asked]
        await insurer.close()

    assert (told[0]["disclosure"], told[0]["sessions"]) == (DISCLOSURE, [])
    assert told[1]["error"]["errors"] == [{"where": "$.to", "remedy": "Field required"}]
