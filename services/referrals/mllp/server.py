"""Listens for HL7 v2 on a port of each organisation that sends it: the port says who sends, never the message."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from services.referrals.hl7v2.message import MOST_BYTES
from services.referrals.mllp.frames import NoFrame, framed, read_frame

logger = logging.getLogger(__name__)
IDLE = 900.0
"""Seconds after which a silent line is closed; senders open it again."""

LINES = 50
"""How many lines an organisation may hold open."""

GRACE = 5.0
"""Seconds in which what is under way at the end has to be answered."""


class Take(Protocol):
    """Takes an organisation's message in, and gives what is answered, whatever was wrong."""

    async def __call__(self, raw: bytes, *, organisation: str) -> list[bytes]: ...


@dataclass(frozen=True)
class Line:
    """Where an organisation's engine connects to; `certified` when it has to show a certificate with its name."""

    organisation: str
    host: str
    port: int
    certified: bool = False


@asynccontextmanager
async def listening(lines: list[Line], take: Take, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    """This will listen on every line, and at the end let what is under way be answered."""
    async with AsyncExitStack() as stack:
        for each in lines:
            await stack.enter_async_context(_listening(each, take, tls))
            logger.info("MLLP of %s on port %s", each.organisation, each.port)
        yield


@asynccontextmanager
async def _listening(line: Line, take: Take, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    talks: set[asyncio.Task[None]] = set()
    over = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        if talk is None or len(talks) >= LINES or not _is_theirs(writer, line):
            logger.warning(
                "a line of %s was refused: too many are open, or its certificate is another's", line.organisation
            )
            writer.close()
            return
        talks.add(talk)
        try:
            await _talk(reader, writer, partial(take, organisation=line.organisation), over)
        finally:
            talks.discard(talk)
            writer.close()

    server = await asyncio.start_server(connected, line.host, line.port, limit=MOST_BYTES + 1, ssl=tls)
    try:
        yield
    finally:
        server.close()
        over.set()
        if talks:
            _, late = await asyncio.wait(talks, timeout=GRACE)
            for each in late:
                each.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _is_theirs(writer: asyncio.StreamWriter, line: Line) -> bool:
    """This will say whether whoever connects shows the organisation's name, where certificates are asked for."""
    if not line.certified:
        return True
    shown = writer.get_extra_info("peercert") or {}
    subject = [value for part in shown.get("subject", ()) for name, value in part if name == "commonName"]
    return line.organisation in [*subject, *(value for _, value in shown.get("subjectAltName", ()))]


async def _talk(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    take: Callable[[bytes], Awaitable[list[bytes]]],
    over: asyncio.Event,
) -> None:
    """This will answer one message after another, until the line ends, what comes is no MLLP, or all is `over`."""
    with suppress(OSError, TimeoutError):
        while not over.is_set():
            try:
                message = await _unless(over, read_frame(reader))
            except NoFrame:
                logger.warning("a line was closed: what came is no MLLP frame")
                return
            if message is None:
                return
            writer.write(b"".join(map(framed, await take(message))))
            await asyncio.wait_for(writer.drain(), IDLE)


async def _unless(over: asyncio.Event, reading: Coroutine[Any, Any, bytes | None]) -> bytes | None:
    """This will give what is read, or None when nothing comes for long or all is over."""
    both = asyncio.create_task(reading), asyncio.create_task(over.wait())
    done, waiting = await asyncio.wait(both, timeout=IDLE, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
    return both[0].result() if both[0] in done else None
