"""Whoever connects and asks nothing is let go; whoever is answered slowly is not."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from shared.edge import Problem, body_of
from shared.prompt import Prompt

WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Hasty(Prompt):
    """A connection that waits a fifth of a second."""

    patience = 0.2


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers after longer than a head may take."""
    await asyncio.sleep(0.7)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that answers slowly."""
    config = uvicorn.Config(slow, http=Hasty, lifespan="off", log_config=None)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await server.startup([listening])
        yield listening.getsockname()[1]
        await server.shutdown([listening])


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: "])
async def test_a_head_that_never_ends_holds_no_connection(port: int, begun: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begun)

    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_second_head_that_never_ends_holds_none_either(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(WHOLE)
    answered = await asyncio.wait_for(reader.readuntil(b"ok"), 5)
    writer.write(b"GET / HT")

    assert answered.startswith(b"HTTP/1.1 200")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> Message:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    with pytest.raises(Problem) as wrong:
        await body_of(Request({"type": "http", "method": "POST", "headers": []}, never), within=0.05)

    assert (wrong.value.status, wrong.value.remedy) == (408, "send it within 0.05 seconds")
