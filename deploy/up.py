"""Runs everything on one machine: the broker and the four services, supervised."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nats.errors

from deploy import ports
from deploy.nats import server, topology
from deploy.nats.admin import connect
from deploy.premises import Addresses, Premises, database_urls, equip
from deploy.supervisor import Child, Supervisor
from shared import names
from shared.programme import Programme

FIRST = {"Nats-Expected-Last-Subject-Sequence": "0"}
"""The broker refuses a message with this header when the subject has one already."""


@dataclass(frozen=True)
class Running:
    """A deployment that is up."""

    premises: Premises
    addresses: Addresses
    supervisor: Supervisor


@dataclass(frozen=True)
class Plan:
    """How a deployment is to run: `nats` and `database` name what runs elsewhere.

    `clock` is `real`, or `stepped` and `begins` then; `extra` are settings of single services.
    """

    data: Path
    port_base: int = 8000
    nats: str | None = None
    database: str | None = None
    clock: str = "real"
    programme: Programme | None = None
    extra: tuple[tuple[str, str], ...] = ()
    begins: datetime | None = None


@asynccontextmanager
async def running(plan: Plan) -> AsyncIterator[Running]:
    """This will start everything, give it when it is ready, and drain it at the end."""
    plan.data.mkdir(parents=True, exist_ok=True)
    databases = database_urls(plan.data, plan.database)
    nats_port, monitor_port = ports.free(), ports.free()
    premises = equip(plan.data, programme=plan.programme, nats_port=nats_port, monitor_port=monitor_port)
    url = plan.nats or f"nats://127.0.0.1:{nats_port}"
    addresses = Addresses(
        {each: f"http://127.0.0.1:{names.port(each, plan.port_base)}" for each in names.SERVICES},
        url,
        databases,
    )
    addresses.write(plan.data)
    async with Supervisor(plan.data) as supervisor:
        services = [_service(plan, premises, addresses, each) for each in names.SERVICES]
        if not plan.nats:
            await supervisor.start(_broker(plan, premises, nats_port, monitor_port))
        declaring = asyncio.create_task(open_bus(url, premises, begins=plan.begins))
        await supervisor.start(*services)
        await declaring
        keeping = asyncio.create_task(_keep_declared(url, premises))
        try:
            yield Running(premises, addresses, supervisor)
        finally:
            keeping.cancel()


async def open_bus(url: str, premises: Premises, *, begins: datetime | None = None, within: float = 0.0) -> None:
    """
    This will make the streams and consumers that are missing, and say what time it is where the clock is stepped.

    A broker that does not answer is asked again for `within` seconds; then TopologyError says what to do. The clock is
    only started: a time that was announced before stays.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            await _declare(url, premises)
            return await _begin(url, premises, begins) if begins else None
        except (nats.errors.Error, OSError, TimeoutError) as wrong:
            if time.monotonic() > deadline:
                raise topology.TopologyError(f"No broker answers at {url}: is it started, and this its URL?") from wrong
            await asyncio.sleep(0.5)


async def _begin(url: str, premises: Premises, begins: datetime) -> None:
    client = await connect(url, premises.admin_seed)
    try:
        await client.request(names.CLOCK_SUBJECT, begins.isoformat().encode(), timeout=5, headers=FIRST)
    finally:
        await client.close()


async def _declare(url: str, premises: Premises) -> None:
    await topology.declare(url, premises.admin_seed, list(premises.programme.organisations.values()))


async def _keep_declared(url: str, premises: Premises) -> None:
    """This will make streams and consumers again when a broker lost them; what they held is said again from SQL."""
    while True:
        await asyncio.sleep(5)
        with suppress(nats.errors.Error, OSError, TimeoutError, topology.TopologyError):
            await _declare(url, premises)


def _broker(plan: Plan, premises: Premises, port: int, monitor_port: int) -> Child:
    return Child(
        "nats-server",
        server.command(premises.broker),
        plan.data / "logs" / "nats-server.log",
        ready=f"http://127.0.0.1:{monitor_port}/healthz",
        ports=(port, monitor_port),
    )


def _service(plan: Plan, premises: Premises, addresses: Addresses, name: str) -> Child:
    address = addresses.services[name]
    port = int(address.rsplit(":", 1)[1])
    settings = premises.environment(name, nats_url=addresses.nats, database=addresses.databases[name], clock=plan.clock)
    return Child(
        name,
        [sys.executable, "-m", f"services.{name}"],
        plan.data / "logs" / f"{name}.log",
        env={**settings, f"ALONGSIDE_{name.upper()}_PORT": str(port), **dict(plan.extra)},
        ready=f"{address}/ready",
        ports=(port,),
    )
