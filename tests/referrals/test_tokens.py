"""SMART Backend Services: what an organisation signed is exchanged for a token, once, for minutes, as it asked."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from services.referrals.rules.scopes import granted
from shared import tokens
from shared.clock import real
from shared.programme import Keys, Programme
from tests.referrals.makers import Desk, request

EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = ec.generate_private_key(ec.SECP384R1())
PUBLIC = Keys(
    keys=[
        {**json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec", "alg": "ES384", "use": "sig"},
        {**json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa"},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": 7, "kid": "broken"},
    ]
)
ADDRESS = "http://127.0.0.1:8001/auth/token"


@pytest.fixture
def smart(small: Desk) -> Desk:
    """A desk whose hospital registered two public keys."""
    programme: Programme = small.service.programme
    hospital = programme.organisations["general-hospital"].model_copy(update={"jwks": PUBLIC})
    programme.organisations["general-hospital"] = hospital
    return small


def signed(key: Any = EC_KEY, algorithm: str = "ES384", kid: str | None = "ec", **changes: Any) -> str:
    """An assertion of the hospital."""
    claims = {
        "iss": "general-hospital",
        "sub": "general-hospital",
        "aud": ADDRESS,
        "exp": real() + timedelta(minutes=4),
        "jti": str(uuid4()),
    } | changes
    told = {name: each for name, each in claims.items() if each is not None}
    return jwt.encode(told, key, algorithm, headers={"kid": kid} if kid else None)


async def exchange(desk: Desk, assertion: str, scope: str = "system/*.cruds", **changes: str) -> httpx.Response:
    """What the token endpoint answers."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        "scope": scope,
    } | changes
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return await desk.http.post("/auth/token", content=urlencode(form).encode(), headers=headers)


def bearing(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_suspended_organisation_gets_no_token_and_those_it_has_end(smart: Desk) -> None:
    had = bearing(await exchange(smart, signed()))
    organisations = smart.service.programme.organisations
    suspended = organisations["general-hospital"].model_copy(update={"suspended": True})
    organisations["general-hospital"] = suspended

    refused = await exchange(smart, signed())
    asked = await smart.http.get("/fhir/Task", headers=had)

    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert "suspended" in refused.json()["error_description"]
    assert asked.status_code == 403
    assert "your organisation is suspended" in asked.text


async def test_discovery_tells_where_and_how(smart: Desk) -> None:
    told = (await smart.http.get("/fhir/.well-known/smart-configuration")).json()

    assert told["token_endpoint"] == ADDRESS
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["ES384", "RS384"]
    assert told["grant_types_supported"] == ["client_credentials"]


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(EC_KEY, "ES384", "ec"), (RSA_KEY, "RS384", "rsa"), (EC_KEY, "ES384", None)]
)
async def test_a_token_does_what_the_key_of_the_same_organisation_does(
    smart: Desk, key: Any, algorithm: str, kid: str | None
) -> None:
    answer = await exchange(smart, signed(key, algorithm, kid))

    posted = await smart.refer(request(), headers=bearing(answer))
    read = await smart.ask("GET", f"/fhir/Task/{posted.json()['id']}")

    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 300)
    assert answer.headers["cache-control"] == "no-store"
    assert (posted.status_code, read.status_code) == (201, 200)


async def test_an_assertion_counts_once(desk: Desk) -> None:
    hospital = desk.service.programme.organisations["general-hospital"].model_copy(update={"jwks": PUBLIC})
    desk.service.programme.organisations["general-hospital"] = hospital
    assertion = signed()

    first, again = await exchange(desk, assertion), await exchange(desk, assertion)

    assert (first.status_code, again.status_code, again.json()["error"]) == (200, 401, "invalid_client")
    assert "used before" in again.json()["error_description"]


NESTED = base64.urlsafe_b64encode(b"[" * 20_000).decode().rstrip("=")


def _part(told: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


WRONG: dict[str, Callable[[], str]] = {
    "another's key": lambda: signed(OTHER),
    "another's name": lambda: signed(iss="silent-centre", sub="silent-centre"),
    "nobody's name": lambda: signed(iss="nobody", sub="nobody"),
    "another subject": lambda: signed(sub="silent-centre"),
    "another address": lambda: signed(aud="https://elsewhere.example/auth/token"),
    "over": lambda: signed(exp=real() - timedelta(minutes=1)),
    "too long": lambda: signed(exp=real() + timedelta(minutes=10)),
    "without an end": lambda: signed(exp=None),
    "without a number": lambda: signed(jti=None),
    "another algorithm": lambda: signed("a secret of thirty-two letters and more, for sure", "HS384", "ec"),
    "an end in words": lambda: signed(exp="soon"),
    "an end beyond time": lambda: signed(exp=1e300),
    "a list for an end": lambda: signed(exp=[1]),
    "another curve": lambda: signed(ec.generate_private_key(ec.SECP256R1()), "ES256", None),
    "nested too deep": lambda: ".".join([NESTED, NESTED, "x"]),
    "an unknown key": lambda: signed(kid="unknown"),
    "without a signature": lambda: jwt.encode({"iss": "general-hospital"}, None, "none"),
    "no JWT": lambda: "hello",
    "several algorithms": lambda: ".".join([_part({"alg": ["ES384"]}), _part({"iss": "general-hospital"}), "x"]),
    "a number that is no text": lambda: signed(jti="\ud800x"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_not_well_signed_gives_no_token(smart: Desk, what: str) -> None:
    answer = await exchange(smart, WRONG[what]())

    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("invalid_client", "invalid_request")
    assert answer.json()["error_description"]


@pytest.mark.parametrize(
    "changes", [{"grant_type": "password"}, {"client_assertion_type": "secret"}, {"client_assertion": ""}]
)
async def test_another_grant_is_refused(smart: Desk, changes: dict[str, str]) -> None:
    answer = await exchange(smart, signed(), **changes)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("system/ServiceRequest.c", ("system/ServiceRequest.c",)),
        ("system/*.rs", ("system/ServiceRequest.rs", "system/Task.rs", "system/Subscription.rs")),
        ("system/*.read", ("system/ServiceRequest.rs", "system/Task.rs", "system/Subscription.rs")),
        ("system/Subscription.cruds", ("system/Subscription.cruds",)),
        ("system/Task.write system/Task.write", ("system/Task.cud",)),
        ("openid system/Patient.rs user/Task.rs system/Task.", ()),
        ("", ()),
    ],
)
async def test_only_scopes_of_ours_are_granted(asked: str, given: tuple[str, ...]) -> None:
    assert granted(asked) == given


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("system/ServiceRequest.c", {"refer"}),
        ("system/Task.r", {"read"}),
        ("system/Task.s", {"search", "form"}),
        ("system/Task.u", {"take back"}),
        ("system/ServiceRequest.rs", set()),
        ("system/*.cruds", {"refer", "read", "search", "form", "take back"}),
    ],
)
async def test_a_token_is_for_what_was_asked(smart: Desk, scope: str, allowed: set[str]) -> None:
    mine = await smart.referred(request())
    headers = bearing(await exchange(smart, signed(), scope))
    patch = b'[{"op": "replace", "path": "/status", "value": "cancelled"}]'

    answers = {
        "refer": await smart.refer(request("R-2"), headers=headers),
        "read": await smart.ask("GET", f"/fhir/Task/{mine}", headers=headers),
        "search": await smart.ask("GET", "/fhir/Task", headers=headers),
        "form": await smart.ask("POST", "/fhir/Task/_search", headers=headers),
        "take back": await smart.ask("PATCH", f"/fhir/Task/{mine}", content=patch, headers=headers),
    }

    # A patch without its content type is refused for that, after the token was let in.
    assert {name for name, each in answers.items() if each.status_code != 403} == allowed


async def test_a_token_is_for_fhir_only_and_not_for_the_programmes_own_pages(smart: Desk) -> None:
    agency = smart.service.programme.organisations["agency"]
    smart.service.programme.organisations["agency"] = agency.model_copy(update={"jwks": PUBLIC})
    mine = await smart.referred(request())
    headers = bearing(await exchange(smart, signed(iss="agency", sub="agency")))

    for path in ("/work", "/referrals", f"/referrals/{mine}/timeline"):
        assert (await smart.ask("GET", path, who="agency")).status_code == 200
        assert (await smart.ask("GET", path, headers=headers)).status_code == 403


async def test_requests_are_included_for_whoever_may_search_them(smart: Desk) -> None:
    headers = bearing(await exchange(smart, signed(), "system/Task.s"))

    assert (await smart.ask("GET", "/fhir/Task?_include=Task:focus", headers=headers)).status_code == 403


async def test_a_token_is_over_after_minutes_and_cannot_be_made_by_others(smart: Desk) -> None:
    over = tokens.Access("general-hospital", ("system/Task.s",), real() - timedelta(seconds=1))
    made_up = ["alt_", "alt_x", "alt_" + "A" * 100, tokens.issue(over), tokens.issue(over)[:-4] + "AAAA"]

    told = [await smart.ask("GET", "/fhir/Task", headers={"authorization": f"Bearer {each}"}) for each in made_up]

    assert {each.status_code for each in told} == {401}


async def test_an_organisation_that_left_has_no_token_any_more(smart: Desk) -> None:
    until = datetime.fromisoformat("2099-01-01T00:00:00+00:00")
    token = tokens.issue(tokens.Access("gone", ("system/Task.s",), until))

    told = await smart.ask("GET", "/fhir/Task", headers={"authorization": f"Bearer {token}"})

    assert told.status_code == 401


def test_a_private_key_is_never_registered() -> None:
    private = json.loads(ECAlgorithm.to_jwk(EC_KEY))

    with pytest.raises(ValueError, match="private key"):
        Keys(keys=[private])
