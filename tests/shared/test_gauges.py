"""What operators' alerts rest on: the gauges, read from a real store through /metrics."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.premises import EMPTY_PROGRAMME
from shared import clock, work
from shared.events.matching import RoomFreed
from shared.mailbox.outbox import say
from shared.service import Service
from shared.settings import ServiceSettings
from tests.bus import with_shared_tables

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)


class Settings(ServiceSettings, service="matching"):
    """A service with nothing of its own."""


def service_on(url: str) -> Service:
    service = Service("matching", Settings(database_url=url), EMPTY_PROGRAMME)
    service.started = True
    return service


async def scrape(service: Service) -> Mapping[str, float]:
    transport = httpx.ASGITransport(app=service.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    samples = (each for family in text_string_to_metric_families(answer.text) for each in family.samples)
    return {f"{each.name}{','.join(each.labels.values())}": each.value for each in samples}


@pytest.fixture
async def service(tmp_path: Path) -> Service:
    service = service_on(f"sqlite:///{tmp_path / 'store.sqlite'}")
    await with_shared_tables(service.database)
    clock.step_to(NOON)
    return service


async def test_says_how_long_the_oldest_task_of_a_kind_has_waited_and_is_overdue(service: Service) -> None:
    async with service.database.transaction() as db:
        for about in "ab":
            await work.open_task(db, kind="crisis", about=about, owner="on-call", due=NOON + timedelta(minutes=5))
    clock.step_to(NOON + timedelta(minutes=7))

    told = await scrape(service)

    assert told["work_open_taskscrisis"] == 2
    assert told["work_oldest_task_secondscrisis"] == 7 * 60
    assert told["work_oldest_overdue_secondscrisis"] == 2 * 60


async def test_a_kind_that_nobody_waits_for_any_more_is_zero_and_not_gone(service: Service) -> None:
    async with service.database.transaction() as db:
        await work.open_task(db, kind="crisis", about="a", owner="on-call", due=NOON)
    await scrape(service)
    async with service.database.transaction() as db:
        await work.close_task(db, kind="crisis", about="a", by="Robin")

    told = await scrape(service)

    assert told["work_open_taskscrisis"] == told["work_oldest_task_secondscrisis"] == 0


async def test_counts_everything_unsent_also_what_rests_because_its_stream_takes_nothing(service: Service) -> None:
    async with service.database.transaction() as db:
        await say(db, "matching", [RoomFreed(supporter_id=uuid4(), site_id="main")])
    service.mailbox.relay._rest("MATCHING", TimeoutError())
    clock.step_to(NOON + timedelta(seconds=90))

    told = await scrape(service)

    assert told["mailbox_unsent"] == 1
    assert told["mailbox_oldest_unsent_seconds"] == 90


async def test_a_store_that_is_away_is_told_and_the_rest_is_shown_all_the_same() -> None:
    service = service_on("postgresql://nobody@127.0.0.1:1/nothing")

    told = await scrape(service)

    assert told["database_reachable"] == 0
    assert told["process_start_time_seconds"] > 0


async def test_a_service_that_has_not_started_says_so_and_still_knocks_at_its_store(service: Service) -> None:
    service.started = False

    told = await scrape(service)

    assert told["service_ready"] == 0
    assert told["database_reachable"] == 1
