"""A service is ready while it hears: not before it has started, and not while the broker is away."""

import fcntl
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx

from deploy import ports
from deploy.nats import configuration, server
from services.matching import app
from services.matching.settings import Settings
from shared import sealed
from shared.service import Service
from tests.bus import ORGANISATIONS, PROGRAMME, Bus, until


def told(folder: Path, bus: Bus) -> Settings:
    """What matching is started with."""
    (folder / "programme.json").write_text(PROGRAMME.model_dump_json())
    (folder / "seal.json").write_text(sealed.new_keys())
    seed = bus.configuration.seeds["matching"]
    return Settings(
        programme=folder / "programme.json", seal_keys=folder / "seal.json", nats_url=bus.url, nats_seed=seed
    )


async def answers(service: Service, status: int) -> bool:
    """Whether /ready answers so, and the gauge says the same."""
    transport = httpx.ASGITransport(app=service.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        ready, metrics = await http.get("/ready"), await http.get("/metrics")
    gauge = f"service_ready {1.0 if status == 200 else 0.0}"
    return ready.status_code == status and gauge in metrics.text.splitlines()


async def test_a_service_is_not_ready_while_the_broker_is_away_and_ready_when_it_is_back(tmp_path: Path) -> None:
    written = configuration.write(tmp_path / "nats", ORGANISATIONS, port=ports.free())
    bus = Bus(server.start(written), written)
    await bus.declare()
    service = app.create(told(tmp_path, bus))

    await service.open_store()
    before = await answers(service, 503)
    async with service.http.router.lifespan_context(service.http):
        await until(lambda: answers(service, 200))
        bus.server.kill()
        await until(lambda: answers(service, 503))
        bus = replace(bus, server=server.start(written))
        await until(lambda: answers(service, 200))
    after = await answers(service, 503)

    assert before and after
    bus.server.kill()


async def test_a_service_is_not_ready_while_a_consumer_is_missing(tmp_path: Path, bus: Bus) -> None:
    service = app.create(told(tmp_path, bus))

    await service.open_store()
    async with service.http.router.lifespan_context(service.http):
        await until(lambda: answers(service, 200))
        await bus.ask("CONSUMER.DELETE.SCHEDULING.matching-on-scheduling-0of1")
        await until(lambda: answers(service, 503))
        missing = service.waits_for()
        await bus.declare()
        await until(lambda: answers(service, 200))

    assert missing == ["SCHEDULING:matching-on-scheduling-0of1"]


def test_a_second_process_on_a_sqlite_file_ends_with_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "programme.json").write_text(PROGRAMME.model_dump_json())
    (tmp_path / "seal.json").write_text(sealed.new_keys())
    knobs = {"PROGRAMME": "programme.json", "SEAL_KEYS": "seal.json", "DATABASE_URL": "sqlite:///matching.sqlite"}
    named = {f"ALONGSIDE_MATCHING_{knob}": value for knob, value in knobs.items()}
    surroundings = {**os.environ, **named, "PYTHONPATH": str(Path(__file__).parents[2])}

    with (tmp_path / "matching.sqlite.lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = subprocess.run(
            [sys.executable, "-m", "services.matching"],
            cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert second.returncode == 1
    assert second.stderr.splitlines() == [
        "matching: matching.sqlite is already used by another process. SQLite serves one process a service: "
        "stop that one, or use PostgreSQL to run several."
    ]
