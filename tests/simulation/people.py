"""Who appears in a seed, and what they send: a hospital's referrals and an agency's supporters."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from shared.programme import Organisation, Programme, Site
from tests.matching.makers import told as supporter_told
from tests.referrals.makers import bundle, coverage, patient, request

SITE = Site(site_id="north", public_name="Northside", phone="555-0100", on_call="https://pager.example")
HOSPITAL, AGENCY = "general-hospital", "programme"
ORGANISATIONS = [
    Organisation(
        organisation_id=HOSPITAL, name="General", kind="hospital", site_id="north", status_consent_by_agreement=True
    ),
    Organisation(organisation_id="garden-health", name="Garden Health", kind="payer", plan_ids=["P3-GARDEN-SUD"]),
    Organisation(organisation_id=AGENCY, name="The programme", kind="agency", site_id="north"),
]
PROGRAMME = Programme(sites={"north": SITE}, organisations={each.organisation_id: each for each in ORGANISATIONS})

KINDS = ("plain",) * 8 + ("danger", "no contact", "unscreened", "other service", "garbled", "refuses texts")


@dataclass
class Referred:
    """A referral that a hospital posts, as often as it takes; `number` is the hospital's own."""

    number: str
    kind: str
    body: bytes
    over: str
    changed: bytes | None = None
    asked: int = 0
    posts: list[UUID] = field(default_factory=list)


@dataclass
class Helper:
    """A supporter whom the agency registers."""

    supporter_id: UUID
    body: bytes
    after: bytes | None = None


def referred(index: int, chance: Random) -> Referred:
    """Somebody new."""
    kind, number = chance.choice(KINDS), f"R-{index}"
    over = chance.choice(("bus", "edge"))
    body = json.dumps(_written(number, index, kind)).encode()
    if kind == "garbled":
        return Referred(number, kind, body[: len(body) // 2], "bus")
    danger = _written(number, index, kind, risk="flagged")
    changed = json.dumps(danger).encode() if chance.random() < 0.15 else None
    return Referred(number, kind, body, over, changed)


def _written(number: str, index: int, kind: str, risk: str = "none") -> dict[str, Any]:
    ending = "0001" if kind == "refuses texts" else f"{2000 + index}"
    reaches: list[dict[str, str]] = [{"system": "phone", "value": f"+1212555{ending}", "use": "mobile"}]
    if index % 2:
        reaches.append({"system": "email", "value": f"person{index}@example.com"})
    who = patient(
        identifier=[{"system": "urn:hospital:mrn", "value": f"M-{index}"}],
        telecom=None if kind == "no contact" else reaches,
    )
    changes: dict[str, Any] = {"contained": [who]}
    answer = {"danger": "flagged", "unscreened": None}.get(kind, risk)
    if kind == "other service":
        changes["code"] = {"coding": [{"system": "http://snomed.info/sct", "code": "229070002"}]}
    written = request(number, answer=answer, **changes)
    return bundle(written, coverage()) if index % 3 == 2 and kind == "plain" else written


def helper(index: int, chance: Random) -> Helper:
    """A supporter, who may change their mind about how many people they walk beside."""
    supporter_id = UUID(int=chance.getrandbits(128), version=4)
    capacity = chance.randint(1, 2)
    languages = [{"code": code, "level": "native"} for code in ("en", "es")]
    once = supporter_told(
        supporter_id=str(supporter_id), public_name=f"Jordan {index}", capacity=capacity, languages=languages
    )
    more = json.dumps({**once, "capacity": capacity + 1}).encode() if chance.random() < 0.3 else None
    return Helper(supporter_id, json.dumps(once).encode(), more)
