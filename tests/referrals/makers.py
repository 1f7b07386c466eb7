"""Valid things of the referrals service, unless told otherwise."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from services.referrals import app
from services.referrals.rules.order import ReferralOrder
from services.referrals.settings import Settings
from shared import consents
from shared.database import Database
from shared.events.fact import Fact
from shared.events.referrals import ConsentGiven
from shared.mailbox import Ingested, Reply
from shared.mailbox.letter import read
from shared.mailbox.tables import outbox
from shared.programme import hash_key
from shared.service import Service
from shared.work import Task, open_tasks

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
"""Monday, 2 March 2026, noon in New York."""
BASE = "https://alongside.example/fhir/StructureDefinition/"
SNOMED = "http://snomed.info/sct"
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
REFERRERS = ("general-hospital", "screening-clinic", "silent-centre", "trial-hospital")
KEYS = {each: f"{each}-key" for each in (*REFERRERS, "garden-health", "agency")}
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the folder ../shared/samples is not here")


def sample(path: str) -> Any:
    """This will read one of the samples others wrote, in place."""
    return json.loads((SAMPLES / path).read_text())


def extension(name: str, **value: Any) -> dict[str, Any]:
    """One of our own extensions."""
    return {"url": BASE + name, **value}


def risk(answer: str) -> dict[str, Any]:
    """The answer to the risk question."""
    return extension("risk", valueCode=answer)


def patient(**changes: Any) -> dict[str, Any]:
    """Ana, whom the hospital knows by a number, and who can be reached by text."""
    valid = {
        "resourceType": "Patient",
        "id": "ana",
        "identifier": [{"system": "urn:hospital:mrn", "value": "M-1"}],
        "name": [{"given": ["Ana"], "family": "Example"}],
        "gender": "female",
        "birthDate": "1990-05-06",
        "telecom": [{"system": "phone", "value": "+12125550123", "use": "mobile"}],
        "communication": [{"language": {"coding": [{"code": "es-MX"}]}, "preferred": True}],
    }
    return {name: value for name, value in (valid | changes).items() if value is not None}


def request(number: str | None = "R-1", *, answer: str | None = "none", **changes: Any) -> dict[str, Any]:
    """A screened referral of Ana to peer support, as a hospital writes it."""
    valid = {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "urn:hospital", "value": number}] if number else [],
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": SNOMED, "code": "461481000124109"}]},
        "subject": {"reference": "#ana"},
        "reasonCode": [{"coding": [{"system": SNOMED, "code": "35489007"}]}],
        "contained": [patient()],
        "extension": [risk(answer)] if answer else [],
    }
    return {name: value for name, value in (valid | changes).items() if value is not None}


def coverage(**changes: Any) -> dict[str, Any]:
    """Ana's membership of Garden's plan."""
    valid = {
        "resourceType": "Coverage",
        "status": "active",
        "subscriberId": "G-1001",
        "beneficiary": {"reference": "#ana"},
        "payor": [{"identifier": {"value": "garden-health"}}],
        "class": [{"type": {"coding": [{"code": "plan"}]}, "value": "P3-GARDEN-SUD"}],
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
    }
    return valid | changes


def consent(**changes: Any) -> dict[str, Any]:
    """Ana's consent that those who treat her are told."""
    valid = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "patient": {"reference": "#ana"},
        "dateTime": "2026-02-01",
        "provision": {"type": "permit", "purpose": [{"code": "TREAT"}]},
    }
    return valid | changes


def bundle(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A transaction of resources, each posted under a urn:uuid."""
    listed = [
        {
            "fullUrl": each.get("_as", f"urn:uuid:{uuid4()}"),
            "resource": {name: value for name, value in each.items() if name not in ("_as", "_unless")},
            "request": {
                "method": "POST",
                "url": each["resourceType"],
                **({"ifNoneExist": each["_unless"]} if "_unless" in each else {}),
            },
        }
        for each in entries
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": listed} | changes


def order(**changes: Any) -> ReferralOrder:
    """A screened referral in our own words."""
    valid: dict[str, Any] = {
        "identifier": {"system": "urn:hospital", "value": "R-1"},
        "risk": "none",
        "person": person(),
    }
    return ReferralOrder.model_validate(valid | changes)


def person(**changes: Any) -> dict[str, Any]:
    """Ana, in our own words."""
    valid = {
        "identifiers": [{"system": "urn:hospital:mrn", "value": "M-1"}],
        "first_name": "Ana",
        "birth_date": "1990-05-06",
        "reaches": [{"channel": "sms", "address": "+12125550123"}],
    }
    return valid | changes


@dataclass
class Desk:
    """A whole referrals service without a broker: posts and facts are put in, what it says is read from its outbox."""

    service: Service
    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, *, who: str = "general-hospital", **rest: Any) -> httpx.Response:
        """This will call the service over HTTP as an organisation."""
        headers = {"authorization": f"Bearer {KEYS[who]}"} | rest.pop("headers", {})
        return await self.http.request(method, path, headers=headers, **rest)

    async def refer(self, body: Any, *, who: str = "general-hospital", **rest: Any) -> httpx.Response:
        """This will post a ServiceRequest, or whatever bytes are given."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/fhir+json"} | rest.pop("headers", {})
        method, path = rest.pop("method", "POST"), rest.pop("path", "/fhir/ServiceRequest")
        return await self.ask(method, path, who=who, content=content, headers=headers, **rest)

    async def referred(self, body: Any, **rest: Any) -> str:
        """This will post a ServiceRequest that is taken in, and give its id."""
        answer = await self.refer(body, **rest)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def task(self, referral_id: str, **rest: Any) -> dict[str, Any]:
        """This will read a Task as its referrer."""
        answer = await self.ask("GET", f"/fhir/Task/{referral_id}", **rest)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def post_on_bus(self, body: Any, *, who: str = "general-hospital", media: str = "") -> str:
        """This will let the service take a post from the bus, and give the message's id."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        message_id = str(uuid4())
        await self.hear(Ingested(who, "referral", raw, media, message_id))
        return message_id

    async def hear(self, *facts: Any) -> None:
        """This will let the service hear facts, in one transaction."""

        async def handle(heard: Any, db: Any) -> Reply:
            pairs = [(each.key() if isinstance(each, Fact) else "", each) for each in heard]
            return Reply(None, await self.service.mailbox.board.hear(pairs, db))

        await self.service.mailbox.run(handle, facts)

    async def keep_consent(self, consent: ConsentGiven) -> None:
        """This will let the service know of a consent."""
        async with self.service.database.transaction() as db:
            await consents.given([consent], db)

    async def said(self, *kinds: type[Fact]) -> list[Any]:
        """This will give the facts of some kinds that the service said, in order."""
        wanted = {each.type_name(): each for each in kinds}
        async with self.service.database.reading() as db:
            rows = await db.execute(select(outbox).where(outbox.c.type.in_(wanted)).order_by(outbox.c.id))
            return [read(wanted[row.type], row.body) for row in rows]

    async def told(self, who: str = "general-hospital") -> list[dict[str, Any]]:
        """This will give what an organisation was told on its status stream, in order."""
        async with self.service.database.reading() as db:
            wanted = select(outbox).where(outbox.c.subject == f"status.{who}.referral.v1").order_by(outbox.c.id)
            return [json.loads(row.body) for row in await db.execute(wanted)]

    async def person(self, referral_id: str) -> str:
        """This will give the id of the person whom a referral is about."""
        return str((await self.ask("GET", f"/referrals/{referral_id}", who="agency")).json()["person_id"])

    async def account(self, referral_id: str) -> dict[str, Any]:
        """This will give the accounting of the person whom a referral is about."""
        path = f"/people/{await self.person(referral_id)}/disclosures"
        found: dict[str, Any] = (await self.ask("GET", path, who="agency")).json()
        return found

    async def work(self) -> list[Task]:
        """This will list what waits for a person."""
        async with self.service.database.reading() as db:
            return await open_tasks(db)

    async def figures(self) -> dict[str, int]:
        """This will count what the service has done."""
        async with self.service.database.reading() as db:
            return await app.count(db)


def service_on(url: str, folder: Path, **knobs: Any) -> Service:
    """This will put a referrals service together on a database that is not opened yet, with the settings named."""
    usual: dict[str, Any] = {
        "database_url": url,
        "programme": _programme(folder),
        "seal_keys": _keys(folder),
        "requests_per_second": 1_000_000,
        "requests_at_once": 1_000_000,
    }
    return app.create(Settings(**usual | knobs))


def visitor_of(service: Service) -> httpx.AsyncClient:
    """This will give whoever comes to a service over HTTP."""
    transport = httpx.ASGITransport(app=service.http, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://referrals")


@asynccontextmanager
async def desk_on(database: Database, folder: Path, **knobs: Any) -> AsyncIterator[Desk]:
    """This will open a desk on an empty database, with the settings that are named."""
    url = database.engine.url.render_as_string(hide_password=False)
    service = service_on(url.replace("+asyncpg", "").replace("+aiosqlite", ""), folder, **knobs)
    await service.open_store()
    async with visitor_of(service) as http:
        yield Desk(service, http)
    await service.database.close()


def _programme(folder: Path) -> Path:
    agreements: dict[str, dict[str, Any]] = {
        "general-hospital": {"kind": "hospital", "status_consent_by_agreement": True},
        "screening-clinic": {"kind": "clinic", "screens_before_referring": True},
        "silent-centre": {"kind": "community"},
        "trial-hospital": {"kind": "hospital", "status_consent_by_agreement": True, "test": True},
        "garden-health": {"kind": "payer", "plan_ids": ["P3-GARDEN-SUD"]},
        "agency": {"kind": "agency"},
    }
    organisations = {
        name: {"organisation_id": name, "name": name, "site_id": "main", "key_hashes": [hash_key(KEYS[name])], **agreed}
        for name, agreed in agreements.items()
    }
    hours = {"en": "Each day, 4 pm to 10 pm", "es": "Todos los días, de 4 a 10"}
    step_in = {
        "warm_line": {"hours": hours, "phone": "555-0177"},
        "drop_in": {"hours": hours, "place": "12 Elm Street"},
    }
    sites: dict[str, dict[str, Any]] = {
        "main": {"site_id": "main", "public_name": "Main office", "phone": "555-0100", "step_in": step_in},
        "lakeside": {"site_id": "lakeside", "public_name": "Lakeside", "phone": "555-0101", "zone": "America/Chicago"},
    }
    sites["main"]["state"], sites["lakeside"]["state"] = "NY", "AL"
    path = folder / "programme.json"
    asked = {"organisation_id": "agency"}
    path.write_text(json.dumps({"sites": sites, "organisations": organisations, "self_referral": asked}))
    return path


def _keys(folder: Path) -> Path:
    path = folder / "seal.json"
    path.write_text(json.dumps({"active": "k1", "keys": {"k1": base64.b64encode(bytes(range(32))).decode()}}))
    return path
