"""Calls the addresses that organisations name: once, at an address that was looked at, and nowhere else."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.referrals.rules.hooks import NotAllowed, Reach, endpoint, is_public

logger = logging.getLogger(__name__)
LookUp = Callable[[str, int], Awaitable[list[str]]]
"""Gives the IP addresses of a host, to be asked once for each call."""

MEDIA = "application/fhir+json"
OK = 200
NONE: Mapping[str, str] = {}


class Inside(OSError):
    """A name leads to an address that is not public."""


class TooLong(ValueError):
    """An answer is longer than anything that is wanted."""


async def look_up(host: str, port: int) -> list[str]:
    """This will ask the system for the addresses of a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Hooks:
    """The way out to organisations' own addresses; `tls` says whose certificates are believed.

    No proxy is asked: it would look names up anew, and what was looked at here would not be what is called.
    """

    def __init__(
        self,
        reach: Reach,
        *,
        tls: ssl.SSLContext | None = None,
        look_up: LookUp = look_up,
        is_public: Callable[[str], bool] = is_public,
    ) -> None:
        self.reach, self.tls, self.look_up, self.is_public = reach, tls, look_up, is_public

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, *, about: str, within: float) -> bool:
        """This will post to an endpoint once, and say whether it took it; the log tells why not, and `about` what."""
        told = {**headers, "Content-Type": MEDIA}
        return await self._called("POST", url, about=about, within=within, headers=told, body=body) is not None

    async def fetch(self, url: str, *, about: str, within: float, at_most: int) -> bytes | None:
        """This will give what an address answers once, None where it gives nothing, or more bytes than `at_most`."""
        return await self._called("GET", url, about=about, within=within, at_most=at_most)

    async def _called(self, method: str, url: str, *, about: str, **how: Any) -> bytes | None:
        try:
            status, said = await self._call(method, url, **how)
        except (aiohttp.ClientError, NotAllowed, OSError, TimeoutError, TooLong) as wrong:
            logger.warning("%s: the call failed (%s)", about, _named(wrong))
            return None
        if not 200 <= status < 300:
            logger.warning("%s: answered %d", about, status)
            return None
        return said

    async def _call(
        self,
        method: str,
        url: str,
        *,
        within: float,
        headers: Mapping[str, str] = NONE,
        body: bytes | None = None,
        at_most: int = 0,
    ) -> tuple[int, bytes]:
        """This will give the status of the answer and its body, where any is wanted, and close the connection."""
        wanted = endpoint(url, self.reach)
        connector = aiohttp.TCPConnector(
            resolver=_Looked(self, named=wanted.named),
            use_dns_cache=False,
            force_close=True,
            ssl=self.tls or True,
        )
        told = {**headers, "User-Agent": "Alongside"}
        limits = aiohttp.ClientTimeout(total=within)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=limits, cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.request(method, URL(url, encoded=True), data=body, headers=told, allow_redirects=False) as said,
        ):
            read = await _read(said, at_most) if at_most and said.status == OK else b""
            said.close()
            return said.status, read


async def _read(said: aiohttp.ClientResponse, at_most: int) -> bytes:
    read = bytearray()
    async for each in said.content.iter_any():
        read += each
        if len(read) > at_most:
            raise TooLong
    return bytes(read)


class _Looked(AbstractResolver):
    """Looks a name up once, and gives its addresses only where every one of them may be called."""

    def __init__(self, hooks: Hooks, *, named: bool) -> None:
        self.hooks, self.named = hooks, named

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        """This will give the addresses that are connected to, as they are."""
        del family
        found = await self.hooks.look_up(host, port)
        if not found or not (self.named or all(map(self.hooks.is_public, found))):
            raise Inside("not public")
        return [_result(host, port, each) for each in found]

    async def close(self) -> None:
        """This will do nothing: it holds nothing."""


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)


def _named(wrong: BaseException) -> str:
    """This will name an error by its kind, and the kind of what caused it: its words may hold a secret of the URL."""
    cause = wrong.os_error if isinstance(wrong, aiohttp.ClientConnectorError) else wrong.__cause__
    return type(wrong).__name__ + (f", {type(cause).__name__}" if cause else "")
