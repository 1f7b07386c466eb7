"""The whole service on a real bus: a hospital posts there, and hears there what became of it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.referrals import HEARS, OWNS, SAYS, app
from services.referrals.settings import Settings
from services.referrals.store.tables import metadata
from shared.events import referrals
from shared.events.fact import catalogue
from shared.mailbox import tables
from shared.sealed import new_keys
from shared.service import Service
from tests.bus import PROGRAMME, Bus, running_bus, until
from tests.referrals.makers import request


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    """A real NATS."""
    async with running_bus(tmp_path / "nats") as running:
        yield running


def service_on(bus: Bus, folder: Path) -> Service:
    """The service, not yet running."""
    (folder / "programme.json").write_text(PROGRAMME.model_dump_json())
    (folder / "seal.json").write_text(new_keys())
    return app.create(
        Settings(
            programme=folder / "programme.json",
            seal_keys=folder / "seal.json",
            nats_url=bus.url,
            nats_seed=bus.configuration.seeds["referrals"],
        )
    )


async def test_a_hospital_posts_on_the_bus_and_hears_there_what_became_of_it(bus: Bus, tmp_path: Path) -> None:
    service = service_on(bus, tmp_path)
    await service.open_store()
    told: list[dict[str, Any]] = []
    async with service.http.router.lifespan_context(service.http):
        hospital = await bus.client("general-hospital")
        posts = hospital.jetstream()
        status = await posts.pull_subscribe_bind("reader", "STATUS_general-hospital")

        await posts.publish("ingest.general-hospital.referral.v1", json.dumps(request("R-1")).encode())
        await posts.publish("ingest.general-hospital.referral.v1", json.dumps(request("R-2", status="x")).encode())
        await posts.publish("ingest.general-hospital.referral.v1", b"{not json")

        async def heard() -> bool:
            try:
                messages = await status.fetch(3, timeout=0.5)
            except TimeoutError:
                return False
            told.extend(json.loads(each.data) for each in messages)
            return len(told) == 3

        await until(heard, within=20)
        await hospital.close()

    kinds = sorted(each["resourceType"] for each in told)
    assert kinds == ["OperationOutcome", "OperationOutcome", "Task"]


def test_says_at_the_door_what_it_owns_hears_and_says(tmp_path: Path) -> None:
    (tmp_path / "programme.json").write_text(PROGRAMME.model_dump_json())
    (tmp_path / "seal.json").write_text(new_keys())

    service = app.create(Settings(programme=tmp_path / "programme.json", seal_keys=tmp_path / "seal.json"))

    shared_tables = {table.name for each in tables.SHARED for table in each.sorted_tables}
    assert set(OWNS) == set(metadata.tables) - shared_tables
    assert set(HEARS) == set(service.mailbox.board.hearings)
    assert set(SAYS) <= set(catalogue(referrals))
    assert set(service.mailbox.board.ingests) == {"referral"}
