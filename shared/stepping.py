"""Follows the stepped clock of the demo: announced on NATS, kept in a stream, alike in all processes."""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime
from typing import Any

import nats.errors
from faststream.nats import NatsBroker

from shared import clock, names
from shared.mailbox.box import Mailbox

logger = logging.getLogger(__name__)


def connection_of(broker: NatsBroker) -> Any:
    """This will give the NATS client behind a connected broker."""
    return broker.config.connection_state.connection


def is_connected(broker: NatsBroker) -> bool:
    """This will say whether the bus is there now: not before the first connection, and not while it is away."""
    return bool(broker.config.connection_state) and bool(connection_of(broker).is_connected)


async def follow(broker: NatsBroker, mailbox: Mailbox) -> None:
    """This will take the announced time before anything else happens, and every later one as it comes."""
    connection = connection_of(broker)

    def step(told: bytes) -> None:
        with suppress(ValueError):
            if clock.step_to(datetime.fromisoformat(told.decode())):
                mailbox.timers.wake()

    async def announced(message: Any) -> None:
        step(message.data)

    await connection.subscribe(names.CLOCK_SUBJECT, cb=announced)
    while not await _ask(connection, step):
        logger.info("waiting for the conductor to say what time it is")
        await asyncio.sleep(0.5)
    mailbox.keep(asyncio.create_task(_ask_for_ever(connection, step)))


async def _ask_for_ever(connection: Any, step: Any) -> None:
    """This will look every second, for an announcement may be lost with a connection."""
    while True:
        await asyncio.sleep(1)
        await _ask(connection, step)


async def _ask(connection: Any, step: Any) -> bool:
    direct = f"$JS.API.DIRECT.GET.{names.CLOCK_STREAM}.{names.CLOCK_SUBJECT}"
    try:
        kept = await connection.request(direct, b"", timeout=2)
    except (nats.errors.Error, TimeoutError):
        return False
    if (kept.headers or {}).get("Status"):
        return False
    step(kept.data)
    return True
