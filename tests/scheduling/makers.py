"""Valid things of the scheduling service, unless told otherwise."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx

from services.scheduling import app
from services.scheduling.rules.plans import Plans, read
from services.scheduling.rules.seats import Coverage, Delivered, Standing
from services.scheduling.settings import Settings
from shared.database import Database
from shared.events.fact import Fact
from shared.events.matching import MatchMade, Slot, SupporterRegistered
from shared.events.referrals import AgeBand, ConsentGiven, CoverageShared, Needs, Preferences, ReferralAccepted
from shared.mailbox import Ingested, Later, Reply, Status
from shared.programme import hash_key
from shared.service import Service
from shared.work import Task, open_tasks

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
"""Monday, 2 March 2026, noon in New York."""
HERE = UUID("00000000-0000-0000-0000-000000000001")
KEYS = {"agency": "agency-key", "garden": "garden-key", "carolina": "carolina-key", "hospital": "hospital-key"}
BAND: AgeBand = "adult"
HOLDERS = {"centre": "community", "other-centre": "community", "other-agency": "agency"}
PLAN_IDS = {"garden": ["P3-GARDEN-SUD", "P3-GARDEN-PLUS"], "carolina": ["P1-CAROLINA-MCO"]}


def an_id(name: str) -> UUID:
    """This will give an id that a test can say again by name."""
    return uuid5(HERE, name)


def match(**changes: Any) -> MatchMade:
    """A match of Ana and Sam, free on Thursdays at three, then Tuesdays at ten."""
    valid: dict[str, Any] = {
        "match_id": an_id("match"),
        "offering_id": an_id("offering"),
        "person_id": an_id("ana"),
        "referral_id": an_id("referral"),
        "supporter_id": an_id("sam"),
        "site_id": "main",
        "zone": "America/New_York",
        "urgency": "routine",
        "modality": "in_person",
        "slots": [Slot(weekday=3, start="15:00")],
        "made_at": NOW,
    }
    return MatchMade(**{**valid, **changes})


def supporter(**changes: Any) -> SupporterRegistered:
    """Sam of the agency, in Garden's and Carolina's networks, who meets people at the centre."""
    valid: dict[str, Any] = {
        "supporter_id": an_id("sam"),
        "public_name": "Sam",
        "site_id": "main",
        "zone": "America/New_York",
        "modalities": ["in_person"],
        "windows": [],
        "active": True,
        "npi": "1234567893",
        "networks": ["garden", "carolina"],
        "organisation": "agency",
        "hosts": ["centre"],
    }
    return SupporterRegistered(**{**valid, **changes})


def coverage(**changes: Any) -> CoverageShared:
    """Ana's membership of Garden's plan."""
    valid: dict[str, Any] = {
        "person_id": an_id("ana"),
        "referral_id": an_id("referral"),
        "payer": "garden",
        "plan_id": "P3-GARDEN-SUD",
        "member_id": "G-1001",
        "birth_date": "1990-05-06",
        "diagnosis_class": "sud",
    }
    return CoverageShared(**{**valid, **changes})


def consent(**changes: Any) -> ConsentGiven:
    """Ana's consent that payers are told, also about what is under Part 2."""
    valid: dict[str, Any] = {
        "consent_id": an_id("consent"),
        "person_id": an_id("ana"),
        "discloser": "general-hospital",
        "recipients": ["payer"],
        "purposes": ["payment"],
        "part2": True,
        "signed_at": NOW - timedelta(days=30),
    }
    return ConsentGiven(**{**valid, **changes})


def referral(**changes: Any) -> ReferralAccepted:
    """Ana's referral, under Part 2."""
    valid: dict[str, Any] = {
        "referral_id": an_id("referral"),
        "person_id": an_id("ana"),
        "organisation": "general-hospital",
        "site_id": "main",
        "zone": "America/New_York",
        "urgency": "routine",
        "arrived_at": NOW - timedelta(days=5),
        "age_band": BAND,
        "needs": Needs(),
        "preferences": Preferences(),
        "funded": True,
        "part2": True,
    }
    return ReferralAccepted(**{**valid, **changes})


def membership(**changes: Any) -> Coverage:
    """A membership of Garden's plan, as the engine sees it."""
    valid: dict[str, Any] = {
        "coverage_id": an_id("coverage"),
        "payer": "garden",
        "plan_id": "P3-GARDEN-SUD",
        "member_id": "G-1001",
        "birth_date": date(1990, 5, 6),
        "diagnosis_class": "sud",
    }
    return Coverage(**{**valid, **changes})


def carolina(**changes: Any) -> Coverage:
    """A membership of Carolina's plan: 24 free units, then authorised ones."""
    valid = {"payer": "carolina", "plan_id": "P1-CAROLINA-MCO", "ordered_on": date(2026, 1, 2)}
    return membership(**{**valid, **changes})


def delivered(**changes: Any) -> Delivered:
    """A held, signed seat of 50 minutes with Sam."""
    valid: dict[str, Any] = {
        "seat_id": uuid4(),
        "outcome": "attended",
        "started_at": NOW,
        "minutes": 50,
        "zone": "America/New_York",
        "modality": "in_person",
        "note_status": "signed",
        "coverage": membership(),
        "supporter": Standing(networks=frozenset({"garden", "carolina"})),
    }
    return Delivered(**{**valid, **changes})


def plan_text(**changes: Any) -> str:
    """A plan file with Garden's plan alone, changed."""
    listed = json.loads(Path("services/scheduling/plans.json").read_text())["plans"]
    garden = next(each for each in listed if each["plan_id"] == "P3-GARDEN-SUD")
    return json.dumps({"plans": [{**garden, **changes}]})


def plans(**changes: Any) -> Plans:
    """Garden's plan, changed."""
    return read(plan_text(**changes))


@dataclass
class Desk:
    """A whole scheduling service without a broker: facts are put in, what it says is given back."""

    service: Service
    http: httpx.AsyncClient
    said: list[Any] = field(default_factory=list)

    async def hear(self, *facts: Any) -> list[Any]:
        """This will let the service hear facts, in one transaction, and give what it said."""

        async def handle(heard: Any, db: Any) -> Reply:
            said = await self.service.mailbox.board.hear([(each.key(), each) for each in heard], db)
            return Reply(said, said)

        found: list[Any] = await self.service.mailbox.run(handle, facts)
        return found

    async def know(self, *people: str, supporters: tuple[str, ...] = ("sam",)) -> None:
        """This will let the service hear of people, by name, and of those who may support them."""
        of_people = [referral(person_id=an_id(each), referral_id=an_id(f"referral of {each}")) for each in people]
        await self.hear(*of_people, *(supporter(supporter_id=an_id(each), public_name=each) for each in supporters))

    async def figures(self) -> dict[str, int]:
        """This will count what the service has done."""
        async with self.service.database.reading() as db:
            return await self.service._figures(db)  # type: ignore[misc]

    async def post(self, kind: str, *bodies: Any, who: str = "garden", media: str = "") -> list[dict[str, Any]]:
        """This will post on the bus, all in one transaction, and give what is told of each; what follows is `said`."""
        raws = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in bodies]
        posts = [Ingested(who, kind, each, media, str(uuid4()), f"post {place}") for place, each in enumerate(raws)]

        async def handle(posted: Any, db: Any) -> Reply:
            said = await self.service.mailbox.board.hear([(each.message_id, each) for each in posted], db)
            return Reply(said, said)

        said = await self.service.mailbox.run(handle, posts)
        rings = [each.fact for each in said if isinstance(each, Later)]
        heard = await self.hear(*rings) if rings else []
        self.said = [each for each in [*said, *heard] if isinstance(each, Fact)]
        return [each.body for each in said if isinstance(each, Status)]

    async def work(self) -> list[Task]:
        """This will list what waits for a person."""
        async with self.service.database.reading() as db:
            return await open_tasks(db)

    async def ask(self, method: str, path: str, *, who: str = "agency", **rest: Any) -> httpx.Response:
        """This will call the service over HTTP as an organisation."""
        return await self.http.request(method, path, headers={"authorization": f"Bearer {KEYS[who]}"}, **rest)

    async def covered(self, *, who: str = "garden", **params: Any) -> dict[str, Any]:
        """This will ask the insurer's question over HTTP."""
        params = {"from": "2026-03-01", "to": "2026-12-31", **params}
        answer = await self.ask("GET", "/covered-sessions", who=who, params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def record(self, session: Any, outcome: str = "attended", **rest: Any) -> httpx.Response:
        """This will record what happened in a booked session, attended in full and signed unless told otherwise."""
        held = {"minutes": 50, "note": {"signed": True, "signed_by": "Sam S"}} if outcome.startswith("attended") else {}
        body = {"outcome": outcome, "by": "Kim", **held, **rest}
        path = f"/sessions/{session.session_id}/seats/{session.seat_id}/outcome"
        return await self.ask("POST", path, json={name: value for name, value in body.items() if value is not None})


@asynccontextmanager
async def desk_on(database: Database, folder: Path) -> AsyncIterator[Desk]:
    """This will open a desk on an empty database."""
    settings = Settings(
        database_url=database.engine.url.render_as_string(hide_password=False)
        .replace("+asyncpg", "")
        .replace("+aiosqlite", ""),
        programme=_programme(folder),
        seal_keys=_keys(folder),
    )
    service = app.create(settings)
    await service.open_store()
    transport = httpx.ASGITransport(app=service.http, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://scheduling") as http:
        yield Desk(service, http)
    await service.database.close()


def _programme(folder: Path) -> Path:
    kinds = {"agency": "agency", "garden": "payer", "carolina": "payer", "hospital": "hospital", **HOLDERS}
    organisations = {
        name: {
            "organisation_id": name,
            "name": name,
            "kind": kind,
            "site_id": "main",
            "key_hashes": [hash_key(KEYS[name])] if name in KEYS else [],
            "plan_ids": PLAN_IDS.get(name, []),
        }
        for name, kind in kinds.items()
    }
    site = {"site_id": "main", "public_name": "Main", "phone": "555-0100", "holidays": ["2026-05-25", "2026-07-03"]}
    path = folder / "programme.json"
    path.write_text(json.dumps({"sites": {"main": site}, "organisations": organisations}))
    return path


def _keys(folder: Path) -> Path:
    path = folder / "seal.json"
    path.write_text(json.dumps({"active": "k1", "keys": {"k1": base64.b64encode(bytes(range(32))).decode()}}))
    return path
