"""The demo's world asks again while a service is away, as a partner's own system would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from deploy import ports
from deploy.world.edges import Edges

TAKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
NOT_READY = b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n"
ELSEWHERE = b"HTTP/1.1 307 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 409 X\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Service:
    """A small real service that keeps connections open; of `answers` one that is not whole is its last words."""

    answers: list[bytes]
    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes on a connection; an answer that is not whole is its last."""
        while line := (await reader.readline()).decode().strip():
            self.asked.append(line.removesuffix(" HTTP/1.1"))
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2 if line.startswith("POST") else 0)
            writer.write(said := self.answers.pop(0))
            if b"\r\n\r\n" not in said:
                break
        writer.close()


@asynccontextmanager
async def world(*answers: bytes) -> AsyncIterator[tuple[Edges, Service]]:
    """The edges of a world with one service in it."""
    service = Service(list(answers))
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession() as http:
        yield Edges(http, {"referrals": url}, {"programme": "key"}), service
    server.close()


@pytest.mark.parametrize("away", [NOT_READY, b"", TAKEN[:15]], ids=["not ready", "killed", "killed half way"])
async def test_a_post_on_a_kept_connection_is_said_again_by_the_world_itself(away: bytes) -> None:
    async with world(TAKEN, away, TAKEN) as (edges, service):
        await edges.send("referrals", "/one", {})

        answer = await edges.send("referrals", "/two", {})

        assert answer.json() == {}
        assert service.asked == ["POST /one", "POST /two", "POST /two"]
        assert edges.asked_again == 1


async def test_a_service_that_is_not_there_yet_is_waited_for() -> None:
    port, service = ports.free(), Service([TAKEN])
    async with aiohttp.ClientSession() as http:
        edges = Edges(http, {"referrals": f"http://127.0.0.1:{port}"}, {"programme": "key"})
        asking = asyncio.create_task(edges.get("referrals", "/figures"))
        await asyncio.sleep(0.1)

        server = await asyncio.start_server(service.serve, "127.0.0.1", port)

        assert await asking == {}
        assert edges.asked_again == 1
    server.close()


async def test_an_answer_that_leads_elsewhere_is_not_followed() -> None:
    async with world(ELSEWHERE) as (edges, service):
        with pytest.raises(ValueError, match="GET /figures was answered 307"):
            await edges.get("referrals", "/figures")

        assert service.asked == ["GET /figures"]


async def test_a_refusal_is_an_error_unless_it_was_expected() -> None:
    async with world(REFUSED, REFUSED) as (edges, _):
        answer = await edges.send("referrals", "/one", {}, refused_too=(409,))

        assert answer.status == 409
        with pytest.raises(ValueError, match="POST /one was answered 409"):
            await edges.send("referrals", "/one", {})
