"""The four services on one programme and SQLite, without a bus, and whoever comes to them over HTTP."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import MetaData, select

from services.matching import app as matching
from services.matching.settings import Settings as MatchingSettings
from services.notifications import app as notifications
from services.notifications.settings import Settings as NotificationsSettings
from services.referrals import app as referrals
from services.referrals.settings import Settings as ReferralsSettings
from services.scheduling import app as scheduling
from services.scheduling.settings import Settings as SchedulingSettings
from shared.mailbox import Reply
from shared.programme import hash_key
from shared.service import Service
from tests.conftest import Migrated

KINDS = {
    "general-hospital": "hospital",
    "other-hospital": "hospital",
    "river-clinic": "clinic",
    "quiet-centre": "community",
    "garden-health": "payer",
    "agency": "agency",
    "other-agency": "agency",
    "left-hospital": "hospital",
}
KEYS = {each: f"alk_{each}_key" for each in KINDS}
RETIRED = "alk_general-hospital_retired"
SUSPENDED = "left-hospital"
SECRET = "an-inbound-secret"


@dataclass
class House:
    """Running services, by name."""

    services: dict[str, Service]
    visitors: dict[str, httpx.AsyncClient]

    async def ask(self, service: str, method: str, path: str, **rest: Any) -> httpx.Response:
        """This will call a service, as nobody unless the headers say who."""
        return await self.visitors[service].request(method, path, **rest)

    async def hear(self, service: str, *facts: Any) -> None:
        """This will let a service hear facts, in one transaction."""
        mailbox = self.services[service].mailbox

        async def handle(heard: Any, db: Any) -> Reply:
            return Reply(None, await mailbox.board.hear([(each.key(), each) for each in heard], db))

        await mailbox.run(handle, facts)

    async def everything(self) -> dict[str, list[str]]:
        """This will give whatever any of the stores holds, row by row."""
        kept: dict[str, list[str]] = {}
        for name, service in self.services.items():
            tables = MetaData()
            async with service.database.reading() as db:
                await db.run_sync(tables.reflect)
                for table in tables.sorted_tables:
                    kept[f"{name}.{table.name}"] = sorted(str(tuple(row)) for row in await db.execute(select(table)))
        return kept


def bearing(key: str) -> dict[str, str]:
    """The header of a caller with a key or a token."""
    return {"authorization": f"Bearer {key}"}


@asynccontextmanager
async def opened(folder: Path, migrated: Migrated) -> AsyncIterator[House]:
    """This will open the services on empty stores; they answer over HTTP and hear what they are handed."""
    told: dict[str, Any] = {"programme": programme(folder), "seal_keys": seal_keys(folder)}
    paced = {"requests_per_second": 1_000_000, "requests_at_once": 1_000_000, "asks_at_once": 1_000_000}
    services = {
        "referrals": referrals.create(ReferralsSettings(**told, **paced)),
        "matching": matching.create(MatchingSettings(**told)),
        "scheduling": scheduling.create(SchedulingSettings(**told)),
        "notifications": notifications.create(NotificationsSettings(**told, inbound_secret=SECRET)),
    }
    async with AsyncExitStack() as stack:
        visitors = {}
        for name, service in services.items():
            await migrated.sqlite(name, folder / f"{name}.sqlite")
            await service.open_store()
            stack.push_async_callback(service.database.close)
            transport = httpx.ASGITransport(app=service.http, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url=f"http://{name}")
            visitors[name] = await stack.enter_async_context(client)
        yield House(services, visitors)


def programme(folder: Path, **more: dict[str, Any]) -> Path:
    """This will write a programme of eight organisations, one of them suspended, one with a key that it replaced."""
    organisations: dict[str, dict[str, Any]] = {
        name: {
            "organisation_id": name,
            "name": name,
            "kind": kind,
            "site_id": "main",
            "key_hashes": [hash_key(KEYS[name])],
            "suspended": name == SUSPENDED,
            **more.get(name, {}),
        }
        for name, kind in KINDS.items()
    }
    hospital = organisations["general-hospital"]
    hospital["key_hashes"].append(hash_key(RETIRED))
    hospital["key_ends"] = {hash_key(RETIRED): "2026-01-01T00:00:00Z"}
    hospital["status_consent_by_agreement"] = True
    site = {"site_id": "main", "public_name": "Main office", "phone": "555-0100", "on_call": "test:delivered"}
    asked = {"organisation_id": "agency"}
    path = folder / "programme.json"
    path.write_text(json.dumps({"sites": {"main": site}, "organisations": organisations, "self_referral": asked}))
    return path


def seal_keys(folder: Path) -> Path:
    """This will write the keys that the stores are sealed with."""
    path = folder / "seal.json"
    path.write_text(json.dumps({"active": "k1", "keys": {"k1": base64.b64encode(bytes(range(32))).decode()}}))
    return path


def nobodys_id() -> str:
    """An id that nothing has."""
    return str(uuid4())
