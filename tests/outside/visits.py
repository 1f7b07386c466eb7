"""Requests for every door, with a real thing behind each, and the credentials with which nobody is let in."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.scheduling.rules.series import series_id
from shared import sealed, tokens
from shared.clock import real
from shared.programme import hash_key
from tests.matching.makers import accepted, told
from tests.notifications.made import contact
from tests.outside.doors import SCOPES
from tests.outside.house import KEYS, RETIRED, SECRET, SUSPENDED, House, bearing
from tests.referrals.browser import Browser
from tests.referrals.endpoints import subscription
from tests.referrals.makers import bundle, patient, request
from tests.referrals.test_asking import ANA
from tests.scheduling.makers import NOW, an_id, match, referral, supporter

FHIR, FORM = {"content-type": "application/fhir+json"}, {"content-type": "application/x-www-form-urlencoded"}
SIGNED = {"by": "Kim", "reason": "to see what it says"}
DAY = timedelta(days=1)
ENDPOINT = "https://hooks.hospital.example/heard"
TAKE_BACK = [{"op": "replace", "path": "/status", "value": "cancelled"}]
RESOURCES = tuple(f"system/{each}" for each in ("ServiceRequest", "Task", "Subscription"))


@dataclass
class Made:
    """What there is behind the doors, by the name it has in a route; all of it is of one owner."""

    ids: dict[str, str] = field(default_factory=dict)

    def path(self, route: str, **other: str) -> str:
        """The address of a route, with these things in it or others."""
        return route.partition(" ")[2].replace("{rest:path}", "Patient/1").format(**(self.ids | other))


async def furnish(house: House) -> Made:
    """A referral, a subscription, a page behind a link, a supporter, an offer, a session: one of each."""
    made = Made({each: str(uuid4()) for each in ("task_id", "letter_id", "offering_id")})
    hospital, agency = bearing(KEYS["general-hospital"]), bearing(KEYS["agency"])
    answer = await house.ask("referrals", "POST", "/fhir/ServiceRequest", json=request(), headers=hospital | FHIR)
    made.ids["referral_id"] = answer.json()["id"]
    record = await house.ask("referrals", "GET", f"/referrals/{made.ids['referral_id']}", headers=agency)
    made.ids["person_id"] = record.json()["person_id"]
    wanted = subscription(ENDPOINT)
    answer = await house.ask("referrals", "POST", "/fhir/Subscription", json=wanted, headers=hospital | FHIR)
    made.ids["subscription_id"] = answer.json()["id"]
    browser = Browser(house.visitors["referrals"])
    await browser.open("/ask?lang=en")
    await browser.send(**{name: value for name, value in ANA.items() if name != "site"})
    made.ids["link"] = browser.answer.text.partition("/ask/")[2].partition('"')[0].partition("?")[0]
    await _point(house, made, agency)
    made.ids["supporter_id"] = str(uuid4())
    wanted = told(site_id="main")
    await house.ask("matching", "PUT", f"/supporters/{made.ids['supporter_id']}", json=wanted, headers=agency)
    await house.hear("matching", accepted(referral_id=made.ids["referral_id"], site_id="main"))
    (offer,) = (await house.ask("matching", "GET", "/offers", headers=agency)).json()
    made.ids["offer_id"] = offer["offer_id"]
    await house.hear("notifications", contact(UUID(made.ids["person_id"])).model_copy(update={"site_id": "main"}))
    no_time = match(match_id=uuid4(), person_id=uuid4(), slots=[])
    await house.hear("scheduling", referral(), supporter(), match(), no_time)
    made.ids["series_id"] = str(series_id(no_time.match_id))
    listed = await house.ask("scheduling", "GET", "/sessions", headers=agency)
    session = listed.json()["sessions"][0]
    made.ids |= {"session_id": session["session_id"], "seat_id": session["seats"][0]["seat_id"]}
    return made


async def _point(house: House, made: Made, agency: dict[str, str]) -> None:
    """This will point whoever asked for themselves to an entry of the directory."""
    made.ids["entry_id"] = str(uuid4())
    await house.ask("referrals", "PUT", f"/directory/{made.ids['entry_id']}", json=_entry("Mill"), headers=agency)
    mine = {"organisation": "agency"}
    listed = (await house.ask("referrals", "GET", "/referrals", params=mine, headers=agency)).json()["referrals"]
    body = {"by": "Kim", "entry_id": made.ids["entry_id"]}
    path = f"/referrals/{listed[0]['referral_id']}/pointers"
    answer = await house.ask("referrals", "POST", path, json=body, headers=agency)
    made.ids["way"] = answer.json()["link"].removeprefix("/ask/to/")


def body_for(route: str, made: Made) -> dict[str, Any]:
    """What is sent through a door by somebody who may: it would be taken."""
    bodies: dict[str, dict[str, Any]] = {
        "POST /fhir/ServiceRequest": {"json": request("R-2")},
        "POST /fhir": {"json": bundle(request("R-3", contained=[patient()]))},
        "POST /fhir/": {"json": bundle(request("R-4", contained=[patient()]))},
        "POST /fhir/$process-message": {"json": _message()},
        "POST /fhir/Task": {"json": _task()},
        "PATCH /fhir/Task/{referral_id}": {
            "json": TAKE_BACK,
            "headers": {"content-type": "application/json-patch+json"},
        },
        "PUT /fhir/Task/{referral_id}": {"json": {"resourceType": "Task", "status": "cancelled", "intent": "order"}},
        "POST /fhir/Subscription": {"json": subscription(ENDPOINT)},
        "PUT /fhir/Subscription/{subscription_id}": {"json": subscription(ENDPOINT, status="off")},
        "POST /referrals/{referral_id}/screening": {"json": {**SIGNED, "outcome": "clear"}},
        "POST /referrals/{referral_id}/acknowledgement": {"json": {"by": "Kim"}},
        "POST /referrals/{referral_id}/details": {"json": {"by": "Kim", "phone": "+12125550199"}},
        "POST /referrals/{referral_id}/contact": {"json": {"by": "Kim", "phone": "212-555-0188"}},
        "POST /referrals/{referral_id}/consent-revoked": {"json": {"by": "Kim"}},
        "POST /referrals/{referral_id}/clock": {
            "json": {"by": "Kim", "reason": "called", "until": (NOW + 3 * DAY).isoformat()}
        },
        "POST /referrals/{referral_id}/closure": {"json": {"by": "Kim", "reason": "unreachable"}},
        "POST /referrals/{referral_id}/pointers": {"json": {"by": "Kim", "entry_id": made.ids["entry_id"]}},
        "PUT /directory/{entry_id}": {"json": _entry("Mill, upstairs")},
        "POST /ask/{link}/said": {"data": {"way": made.ids["way"], "said": "helped"}},
        "POST /people/{person_id}/consents": {"json": _paper()},
        "POST /people/{person_id}/identity": {"json": {**SIGNED, "other": str(uuid4()), "verdict": "same"}},
        "POST /people/{person_id}/reports": {"json": _told()},
        "POST /people/{person_id}/mandated-report": {"json": {"by": "Kim", "note": "what I saw"}},
        "POST /people/{person_id}/opt-in": {"json": SIGNED},
        "POST /work/{task_id}/done": {"json": {"by": "Kim"}},
        "POST /letters/{letter_id}/open": {"json": SIGNED},
        "POST /letters/{letter_id}/mend": {"json": {**SIGNED, "how": "pass-over"}},
        "POST /letters/{letter_id}/replay": {"json": {"dry_run": True}},
        "PUT /supporters/{supporter_id}": {"json": told(site_id="main", public_name="Robin")},
        "PUT /offerings/{offering_id}": {
            "json": {"kind": "drop_in", "site_id": "main", "internal_name": "Tuesdays", "public_label": "Elm Street"}
        },
        "POST /offers/{offer_id}/answer": {"json": {"answer": "accept"}},
        "POST /sessions": {"json": _session()},
        "POST /series/{series_id}/end": {"json": {"by": "Kim"}},
        "POST /sessions/{session_id}/seats/{seat_id}/outcome": {"json": {"outcome": "cancelled_person", "by": "Kim"}},
        "GET /covered-sessions": {"params": {"from": "2026-03-01", "to": "2026-03-31"}},
        "GET /messages": {"params": {"person_id": str(an_id("ana"))}},
        "POST /inbound/sms": {"json": {"id": "1", "from": "+12125550123", "text": "STOP"}},
    }
    if route.endswith("_search"):
        return {"content": b"_count=10", "headers": FORM}
    return bodies.get(route, {"json": {"resourceType": "Bundle"}} if route.startswith(("POST", "PUT")) else {})


def _entry(label: str) -> dict[str, Any]:
    named = {"kind": "external_group", "name": "Tuesday AA", "label": {"en": label}}
    return {**named, "link": "https://www.example.org/tuesdays"}


def _message() -> dict[str, Any]:
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": "I12"},
        "source": {"endpoint": "urn:hospital"},
    }
    return bundle(header, request("R-6", contained=[patient()]), type="message")


def _task() -> dict[str, Any]:
    asked = request("R-5")
    within = [*asked.pop("contained"), {**asked, "id": "asked"}]
    focus = {"focus": {"reference": "#asked"}, "contained": within}
    return {"resourceType": "Task", "status": "requested", "intent": "order", **focus}


def _paper() -> dict[str, Any]:
    allows = {"recipients": ["general-hospital"], "purposes": ["treatment"], "scope": "what became of it"}
    return {"by": "Kim", "signed_by": "self", **allows, "document": "binder 7", "signed_at": NOW.isoformat()}


def _told() -> dict[str, Any]:
    return {"ground": "medical_emergency", "by": "Kim", "recipient": "911", "nature": "overdose", "at": NOW.isoformat()}


def _session() -> dict[str, Any]:
    ids = {"supporter_id": str(an_id("sam")), "person_id": str(an_id("ana"))}
    return {**ids, "local_start": "2026-04-07T10:00", "minutes": 50, "modality": "video"}


async def visit(
    house: House, door: tuple[str, str], made: Made, headers: dict[str, str], **other: str
) -> httpx.Response:
    """This will go to a door with somebody's headers, at the things that were made or at others."""
    service, route = door
    rest = body_for(route, made)
    fhir = FHIR if "/fhir" in route and "json" in rest else {}
    told = {**fhir, **rest.pop("headers", {}), **headers}
    return await house.ask(service, route.partition(" ")[0], made.path(route, **other), headers=told, **rest)


def strangers() -> dict[str, dict[str, str]]:
    """Whoever is nobody to us: 401."""
    key, over = KEYS["general-hospital"], real() - timedelta(seconds=1)
    basic = base64.b64encode(f"general-hospital:{key}".encode()).decode()
    return {
        "nothing": {},
        "an empty header": {"authorization": ""},
        "no key": {"authorization": "Bearer"},
        "blanks for a key": {"authorization": "Bearer    "},
        "a key without its scheme": {"authorization": key},
        "another scheme": {"authorization": f"Basic {basic}"},
        "a key under another header": {"x-api-key": key},
        "the name of an organisation": bearing("general-hospital"),
        "half a key": bearing(key[:-1]),
        "a key and more": bearing(key + "x"),
        "a key in capitals": bearing(key.upper()),
        "what we keep of a key": bearing(hash_key(key)),
        "a key that was replaced": bearing(RETIRED),
        "two keys": bearing(f"{key},{KEYS['agency']}"),
        "an endless key": bearing("k" * 5_000),
        "a token made up": bearing("alt_" + "A" * 120),
        "a token that is over": bearing(token("general-hospital", until=over)),
        "a token with a letter changed": bearing(_changed(token("general-hospital"))),
        "a token others sealed": bearing(foreign()),
        "a token of nobody": bearing(token("nobody-at-all")),
        "something else that we sealed": bearing("alt_" + _sealed_for_another_place()),
        "the provider's secret": {"x-inbound-secret": SECRET},
    }


def shut_out() -> dict[str, dict[str, str]]:
    """Whoever may do nothing now: 403."""
    return {
        "a key of who is suspended": bearing(KEYS[SUSPENDED]),
        "a token of who is suspended": bearing(token(SUSPENDED)),
    }


def token(whose: str, *scopes: str, until: datetime | None = None) -> str:
    """An access token of ours, for everything unless scopes are named."""
    every = tuple(f"{each}.cruds" for each in RESOURCES)
    return tokens.issue(tokens.Access(whose, scopes or every, until or real() + timedelta(minutes=5)))


def all_but(route: str) -> str:
    """A token of the hospital for everything a token may be for, except what a route needs."""
    resource, _, letter = SCOPES.get(route, "Patient.r").partition(".")
    rest = "cruds".replace(letter, "")
    scopes = [f"{each}.{rest if each.endswith(resource) else 'cruds'}" for each in RESOURCES]
    return token("general-hospital", *scopes)


def foreign() -> str:
    """What another deployment would take for a token."""
    sealed.use({"k1": bytes(32)}, "k1")
    try:
        return token("general-hospital")
    finally:
        sealed.use({"k1": bytes(range(32))}, "k1")


def _changed(whole: str) -> str:
    return whole[:-8] + ("A" if whole[-8] != "A" else "B") + whole[-7:]


def _sealed_for_another_place() -> str:
    told = {"organisation": "general-hospital", "scopes": ["system/Task.cruds"], "until": "2099-01-01T00:00:00+00:00"}
    return base64.urlsafe_b64encode(sealed.seal(json.dumps(told).encode(), place="page of a search")).decode()
