"""Asks the services of a deployment at their admin edges, with the programme's own key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from deploy.premises import AGENCY, Addresses, known
from deploy.supervisor import StartError

NOT_THERE = 404
PATIENCE = aiohttp.ClientTimeout(total=None, connect=5, sock_read=30)


class Refused(ValueError):
    """A service would not do it; the message says why, where, and what to do."""


@dataclass(frozen=True)
class Told:
    """What each service answered; `silent` gives the addresses at which nobody did."""

    answers: dict[str, Any]
    silent: dict[str, str]


async def everybody(data: Path, path: str) -> Told:
    """This will GET a path of every service; StartError when nothing runs. Who has no such thing is left out."""
    services = Addresses.read(data).services
    told = Told({}, {})
    async with _session(data) as http:
        for service, url in services.items():
            try:
                async with http.get(f"{url}{path}", allow_redirects=False) as answer:
                    if answer.status != NOT_THERE:
                        told.answers[service] = await _good(answer)
            except (aiohttp.ClientConnectionError, TimeoutError):
                told.silent[service] = url
    if len(told.silent) == len(services):
        raise StartError(f"Nothing runs from {data}: start it with `alongside up --data {data}`.")
    return told


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
    told = await answer.json(content_type=None)
    if answer.ok:
        return told
    wrong = (told.get("errors") or [{}])[0]
    parts = [told.get("title", f"status {answer.status}"), wrong.get("where", ""), wrong.get("remedy", "")]
    raise Refused(": ".join(each for each in parts if each))
