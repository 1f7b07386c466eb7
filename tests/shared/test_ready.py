"""A service is ready while it hears: not before it has started, and not while the broker is away."""

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
