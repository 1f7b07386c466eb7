"""SMART Backend Services: where a referrer's system exchanges what it signed for an access token."""

from collections.abc import Sequence
from math import ceil
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from services.referrals import handlers
from services.referrals.key_sets import KeySets
from services.referrals.rules.assertions import FITS, Assertion, NoToken, believed, claimed
from services.referrals.rules.scopes import OFFERED
from shared import tokens
from shared.clock import real
from shared.edge import Problem, body_of
from shared.mailbox import Run
from shared.pace import Pace
from shared.programme import Programme

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
STATUSES = {"invalid_client": 401}


def smart_routes(run: Run, programme: Programme, pace: Pace, key_sets: KeySets, *, address: str) -> APIRouter:
    """This will serve discovery, and the token endpoint, whose public address an assertion has to name."""
    router = APIRouter(tags=["SMART"])

    @router.get("/fhir/.well-known/smart-configuration")
    async def configuration() -> Response:
        """Where a token is given, and for what."""
        return JSONResponse(
            {
                "token_endpoint": address,
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": list(FITS),
                "scopes_supported": list(OFFERED),
                "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
            }
        )

    @router.post("/auth/token")
    async def token(request: Request) -> Response:
        """A token for five minutes, for an assertion that your system signed."""
        form = dict(parse_qsl((await body_of(request)).decode("utf-8", "replace"), keep_blank_values=True))
        if form.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type", "let grant_type be client_credentials")
        if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
            return _refused("invalid_request", f"let client_assertion_type be {ASSERTION_TYPE}, with client_assertion")
        # Looking at a signature costs time, whoever sends it: all who ask for tokens share one pace.
        if seconds := ceil(pace.wait("/auth/token")):
            raise Problem(429, f"ask again in {seconds} s", retry_after=seconds)
        found = await _believed(form["client_assertion"], programme, key_sets, audience=address)
        if isinstance(found, Assertion):
            asking = handlers.Asking(assertion=found, scope=form.get("scope", ""))
            found = await run(handlers.give_token, asking)
        return _refused(found.error, found.remedy) if isinstance(found, NoToken) else _given(*found)

    return router


async def _believed(written: str, programme: Programme, key_sets: KeySets, *, audience: str) -> Assertion | NoToken:
    by = claimed(written, programme.organisations)
    if isinstance(by, NoToken):
        return by
    return believed(written, by, await key_sets.of(by.organisation, by.kid), audience=audience, now=real())


def _given(issued: str, scopes: Sequence[str]) -> Response:
    told = {
        "access_token": issued,
        "token_type": "bearer",
        "expires_in": int(tokens.LIVES.total_seconds()),
        "scope": " ".join(scopes),
    }
    return JSONResponse(told, headers=NEVER_KEPT)


def _refused(error: str, remedy: str) -> Response:
    return JSONResponse({"error": error, "error_description": remedy}, STATUSES.get(error, 400), headers=NEVER_KEPT)
