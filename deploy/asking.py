"""Asks the services of a deployment at their admin edges, with the programme's own key."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from deploy.premises import AGENCY, Addresses, known
from deploy.supervisor import StartError

NOT_THERE, FAULT = 404, 500
PATIENCE = aiohttp.ClientTimeout(total=None, connect=10, sock_read=30)


class Refused(ValueError):
    """A service would not do it; the message says why, where, and what to do."""


@dataclass(frozen=True)
class Told:
    """What each service answered; `silent` says of the others at which address, and what came instead of an answer."""

    answers: dict[str, Any]
    silent: dict[str, str]


async def everybody(data: Path, path: str, *, only: str | None = None) -> Told:
    """This will GET a path of every service; whoever has no such thing is left out, whoever is ill stops nobody.

    It raises StartError when nothing runs, and Refused when something does and nobody gave an answer.
    """
    services = {each: url for each, url in Addresses.read(data).services.items() if only in (None, each)}
    told, there = Told({}, {}), False
    async with _session(data) as http:
        for service, url in services.items():
            try:
                async with http.get(f"{url}{path}", allow_redirects=False) as answer:
                    there = True
                    if answer.status != NOT_THERE:
                        told.answers[service] = await _good(answer)
            except Refused as refused:
                told.silent[service] = f"{url} ({refused})"
            except TimeoutError:
                told.silent[service] = f"{url} (too slow)"
            except aiohttp.ClientError as wrong:
                told.silent[service] = f"{url} ({_words(wrong)})"
    if len(told.silent) == len(services):
        _refuse_all(told.silent, data, there)
    return told


def _words(wrong: aiohttp.ClientError) -> str:
    return "nobody listens" if isinstance(wrong, aiohttp.ClientConnectorError) else f"{wrong or type(wrong).__name__}"


def _refuse_all(silent: dict[str, str], data: Path, there: bool) -> None:
    if not there:
        raise StartError(f"Nothing runs from {data}: start it with `alongside up --data {data}`.")
    raise Refused("Nobody answers: " + "; ".join(f"{name} at {place}" for name, place in silent.items()))


async def anybody(addresses: Addresses) -> bool:
    """This will say whether any service answers at all."""

    async def lives(http: aiohttp.ClientSession, url: str) -> bool:
        try:
            async with http.get(f"{url}/health", allow_redirects=False):
                return True
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        return any(await asyncio.gather(*(lives(http, url) for url in addresses.services.values())))


async def one(data: Path, service: str, path: str, body: dict[str, Any]) -> Any:
    """This will POST to one service; Refused when it does not do it."""
    url = Addresses.read(data).services[service]
    async with _session(data) as http, http.post(f"{url}{path}", json=body, allow_redirects=False) as answer:
        return await _good(answer)


@asynccontextmanager
async def _session(data: Path) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {known(data).api_key(AGENCY)}"}
    async with aiohttp.ClientSession(headers=headers, timeout=PATIENCE) as http:
        yield http


async def _good(answer: aiohttp.ClientResponse) -> Any:
    try:
        told = await answer.json(content_type=None)
    except ValueError:
        raise Refused(f"status {answer.status}, and no JSON") from None
    if answer.ok:
        return told
    said = told if isinstance(told, dict) else {}
    wrong = (said.get("errors") or [{}])[0]
    title = said.get("title", "")
    status = f"status {answer.status}" if answer.status >= FAULT or not title else ""
    raise Refused(": ".join(each for each in (status, title, wrong.get("where"), wrong.get("remedy")) if each))
