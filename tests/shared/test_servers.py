"""Where an engine answers the tests' servers are containers; without one they are processes of this machine."""

import os
from pathlib import Path
from typing import Any

from tests.bus import Bus, running_bus, way
from tests.servers import NATS_IMAGE, Contained, PostgresServer


def in_containers(image: str) -> list[Any]:
    """Containers of an image that run now."""
    import docker

    return list(docker.from_env().containers.list(filters={"ancestor": image}))


def test_an_engine_that_was_named_is_used() -> None:
    assert way() == "container" or "DOCKER_HOST" not in os.environ


async def test_nats_is_where_it_is_said_to_be(bus: Bus) -> None:
    port = int(bus.url.rsplit(":", 1)[1])

    if bus.how == "container":
        published = [each.ports.get("4222/tcp") or [] for each in in_containers(NATS_IMAGE)]
        assert str(port) in [each["HostPort"] for ports in published for each in ports]
    else:
        assert not isinstance(bus.server, Contained) and bus.server.process.poll() is None
    assert bus.how == way()


def test_postgresql_is_where_it_is_said_to_be(postgres: PostgresServer) -> None:
    given = "ALONGSIDE_TEST_POSTGRES" in os.environ

    assert postgres.how == ("given" if given else way())


async def test_a_process_can_be_asked_for_where_an_engine_answers_too(tmp_path: Path) -> None:
    async with running_bus(tmp_path / "nats", how="process") as bus:
        told = await bus.ask("STREAM.NAMES")

    assert bus.how == "process" and "MATCHING" in told["streams"]


async def test_a_bus_begins_empty_whatever_an_earlier_test_left(bus: Bus, tmp_path: Path) -> None:
    hospital = await bus.client("general-hospital")
    await hospital.request("ingest.general-hospital.referral.v1", b"{}", timeout=2)
    await hospital.close()

    async with running_bus(tmp_path / "another") as next_one:
        told = await next_one.ask("STREAM.INFO.IN_general-hospital")

    assert told["state"]["last_seq"] == 0
