"""Runs everything on one machine: the broker and the four services, supervised."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import nats.errors

from deploy import ports
from deploy.nats import server, topology
from deploy.nats.admin import connect
from deploy.premises import Addresses, Premises, database_urls, equip, known
from deploy.reloading import BROKER, keep_reloaded, look
from deploy.supervisor import Child, Supervisor, refuse_taken_ports
from shared import names
from shared.programme import Organisation, Programme

FIRST = {"Nats-Expected-Last-Subject-Sequence": "0"}
"""The broker refuses a message with this header when the subject has one already."""

UNKNOWN_KEY = "Authorization Violation"
"""What a broker answers to a key that is not in its configuration."""

AGAIN = 1.0
"""Seconds until a broker that went away is tried again."""

PATIENCE = 4.0
"""Seconds in which a broker has to answer that is said to run."""


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
    """This will start everything in a folder its caller claimed, give it when it is ready, and drain it at the end."""
    services_at = {each: names.port(each, plan.port_base) for each in names.SERVICES}
    refuse_taken_ports({port: name for name, port in services_at.items()})
    databases = database_urls(plan.data, plan.database)
    if plan.database:
        # Only here: what it needs would stay in the memory of `up` for as long as all runs.
        from deploy.stores import refuse_unanswered

        await refuse_unanswered(databases)
    nats_port, monitor_port = usual_port(plan.data), ports.free()
    url = plan.nats or f"nats://{ports.LOOPBACK}:{nats_port}"
    premises = await _premises(plan, nats_port, monitor_port)
    written = look(premises.broker.path)
    mllp = premises.mllp_ports(plan.port_base)
    refuse_taken_ports({port: f"MLLP of {name}" for name, port in mllp.items()})
    addresses = Addresses(
        {name: f"http://{ports.LOOPBACK}:{port}" for name, port in services_at.items()}, url, databases, mllp
    )
    addresses.write(plan.data)
    async with Supervisor(plan.data) as supervisor:
        if not plan.nats:
            await supervisor.start(_broker(plan, premises, nats_port, monitor_port))
        services = [_service(plan, premises, addresses, each) for each in names.SERVICES]
        await asyncio.gather(supervisor.start(*services), open_bus(url, premises, begins=plan.begins, within=PATIENCE))
        keeping = [asyncio.create_task(keep_declared(url, premises))]
        if not plan.nats:
            keeping.append(asyncio.create_task(keep_reloaded(supervisor, premises.data, written, monitor_port)))
        try:
            yield Running(premises, addresses, supervisor)
        finally:
            for each in keeping:
                each.cancel()


async def _premises(plan: Plan, nats_port: int, monitor_port: int) -> Premises:
    """This will make the folder complete; where the broker runs elsewhere, see that it answers and leave its file."""
    if not plan.nats:
        return equip(plan.data, programme=plan.programme, nats_port=nats_port, monitor_port=monitor_port, shares=1)
    premises = known(plan.data)
    await open_bus(plan.nats, premises, begins=plan.begins, within=PATIENCE)
    return premises


def usual_port(data: Path) -> int:
    """This will choose the broker's port of the last run, where partners look for it, or a free one."""
    try:
        found = urlsplit(Addresses.read(data).nats)
        if found.hostname == ports.LOOPBACK and found.port and not ports.is_taken(found.port):
            return found.port
    except (FileNotFoundError, ValueError, TypeError):
        pass
    return ports.free()


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
            if time.monotonic() > deadline or UNKNOWN_KEY in str(wrong):
                raise topology.TopologyError(_no_bus(url, premises, wrong)) from wrong
            await asyncio.sleep(0.5)


def _no_bus(url: str, premises: Premises, wrong: Exception) -> str:
    if UNKNOWN_KEY in str(wrong):
        return f"The broker at {url} does not know our keys: run it with the configuration {premises.broker.path}."
    return f"No broker answers at {url}: is it started with {premises.broker.path}, and this its URL?"


async def _begin(url: str, premises: Premises, begins: datetime) -> None:
    client = await connect(url, premises.admin_seed)
    try:
        await client.request(names.CLOCK_SUBJECT, begins.isoformat().encode(), timeout=5, headers=FIRST)
    finally:
        await client.close()


async def _declare(url: str, premises: Premises) -> None:
    await topology.declare(url, premises.admin_seed, premises.organisations, shares=premises.shares)


async def keep_declared(url: str, premises: Premises) -> None:
    """This will make streams and consumers again when a broker lost them; what they held is said again from SQL."""

    def organisations() -> list[Organisation]:
        # Some may have come since; a file that is being mended by hand is read later.
        with suppress(ValueError, OSError):
            return known(premises.data).organisations
        return premises.organisations

    while True:
        with suppress(nats.errors.Error, OSError, TimeoutError, topology.TopologyError):
            await topology.keep(url, premises.admin_seed, organisations, shares=premises.shares)
        await asyncio.sleep(AGAIN)


def _broker(plan: Plan, premises: Premises, port: int, monitor_port: int) -> Child:
    return Child(
        BROKER,
        server.command(premises.broker),
        plan.data / "logs" / "nats-server.log",
        ready=f"http://127.0.0.1:{monitor_port}/{server.READY}",
        ports=(port, monitor_port),
    )


LEAN = {"MALLOC_ARENA_MAX": "1"}
"""One heap a process: Python's threads take turns anyway, and several heaps hold on to more than they need."""


def _service(plan: Plan, premises: Premises, addresses: Addresses, name: str) -> Child:
    address = addresses.services[name]
    port = int(address.rsplit(":", 1)[1])
    settings = premises.environment(name, nats_url=addresses.nats, database=addresses.databases[name], clock=plan.clock)
    mllp = addresses.mllp if name == "referrals" else {}
    if mllp:
        settings["ALONGSIDE_REFERRALS_MLLP"] = json.dumps(mllp)
    return Child(
        name,
        [sys.executable, "-m", f"services.{name}"],
        plan.data / "logs" / f"{name}.log",
        env={**LEAN, **settings, f"ALONGSIDE_{name.upper()}_PORT": str(port), **dict(plan.extra)},
        ready=f"{address}/ready",
        ports=(port, *mllp.values()),
    )
