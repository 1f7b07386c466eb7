"""A route that answers every refusal as a FHIR OperationOutcome."""

import hashlib
import json
from collections.abc import Callable, Coroutine
from math import ceil
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.referrals.edge import Edge
from services.referrals.fhir.outcome import (
    AGAIN_SECONDS,
    STATUS_CODES,
    Refused,
    away,
    invalid,
    malformed,
    outcome,
    refuse,
)
from services.referrals.rules.scopes import RESOURCES, lets
from shared.away import is_away
from shared.callers import Caller, known
from shared.edge import CHALLENGE, Problem
from shared.pace import Pace
from shared.strict_json import Malformed

FHIR_JSON = "application/fhir+json"
LETTERS = {"PUT": "u", "PATCH": "u"}


async def paced(request: Request) -> Caller:
    """This will find the caller, and refuse whoever asks faster than agreed: 429, and when to ask again."""
    caller = await known(request)
    request.state.test = caller.organisation.test
    refuse_without(caller, *needed(request.method, request.url.path))
    return keep_pace(request, caller)


def keep_pace(request: Request, caller: Caller) -> Caller:
    """This will count a request, and refuse whoever asks faster than agreed."""
    pace: Pace = request.app.state.pace
    if seconds := ceil(pace.wait(caller.organisation_id)):
        title = f"you may ask {pace.rate:g} times a second: ask again in {seconds} s"
        raise Problem(429, title, retry_after=seconds)
    return caller


async def unhurried(request: Request) -> Caller:
    """This will find the caller of a route beside FHIR that referrers may use, too; they keep to their pace there."""
    caller = await known(request)
    return caller if caller.organisation.kind == "agency" else keep_pace(request, caller)


async def edge_of(request: Request) -> Edge:
    """This will give what a route takes posts in by, where it is made once for every app."""
    edge: Edge = request.app.state.edge
    return edge


Here = Annotated[Edge, Depends(edge_of)]
Referrer = Annotated[Caller, Depends(paced)]


def refuse_without(caller: Caller, resource: str, letter: str) -> None:
    """This will refuse a caller whose token is not for this; an API key is for everything."""
    if caller.scopes is not None and not lets(caller.scopes, resource, letter):
        raise refuse(
            "forbidden", "header Authorization", f"ask for a token with system/{resource}.{letter}", status=403
        )


def needed(method: str, path: str) -> tuple[str, str]:
    """This will give the resource that a request is about, and the letter of what it does, as SMART scopes have it."""
    _, _, rest = path.partition("/fhir")
    resource, _, one = rest.strip("/").partition("/")
    if method in ("PUT", "PATCH", "DELETE"):
        return resource, LETTERS.get(method, "d")
    if method == "POST":
        return resource if resource in RESOURCES else "ServiceRequest", "s" if one == "_search" else "c"
    return resource, "r" if one else "s"


def answer(
    body: dict[str, Any], request: Request, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """This will answer in FHIR JSON, or under its plain name where that is what the caller asks for.

    What has an id has a version too: an ETag of what it says.
    """
    wanted = request.headers.get("accept", "")
    plain = "application/json" in wanted and FHIR_JSON not in wanted
    headers = {**(headers or {}), **({"ETag": version(body)} if "id" in body else {})}
    return JSONResponse(body, status, headers, media_type="application/json" if plain else FHIR_JSON)


def version(body: dict[str, Any]) -> str:
    """This will give the weak ETag of a resource: the same for as long as it says the same."""
    return f'W/"{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]}"'


def unchanged(body: dict[str, Any], request: Request) -> Response | None:
    """This will answer a caller who has this version already; None for any other."""
    theirs = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers={"ETag": version(body)}) if version(body) in theirs else None


def refuse_another_version(request: Request, body: dict[str, Any]) -> None:
    """This will refuse a change of a resource that is not any more what the caller means by If-Match."""
    wanted = request.headers.get("if-match")
    if wanted and wanted != "*" and version(body) not in [each.strip() for each in wanted.split(",")]:
        remedy = f"the {body['resourceType']} has changed: read it again"
        raise refuse("conflict", "header If-Match", remedy, status=412)


class FhirRoute(APIRoute):
    """A route at /fhir."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """This will turn refusals into OperationOutcomes."""
        handle = super().get_route_handler()

        async def outcomes(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as wrong:
                refused = as_refused(wrong)
                if refused is None:
                    raise
                again = getattr(wrong, "retry_after", 0) or (AGAIN_SECONDS if refused.status == 503 else 0)
                headers = {"Retry-After": str(again)} if again else {}
                headers |= CHALLENGE if refused.status == 401 else {}
                body = outcome(refused.issues, test=getattr(request.state, "test", False))
                return answer(body, request, status=refused.status, headers=headers)

        return outcomes


def as_refused(wrong: Exception) -> Refused | None:
    """This will give what a caller is told about an exception; None for a fault of our own."""
    if isinstance(wrong, Refused):
        return wrong
    if isinstance(wrong, Malformed):
        return malformed(wrong)
    if isinstance(wrong, Problem):
        remedy = wrong.remedy or wrong.title
        return refuse(STATUS_CODES.get(wrong.status, "processing"), wrong.where, remedy, status=wrong.status)
    if isinstance(wrong, RequestValidationError):
        return invalid(wrong.errors())
    if isinstance(wrong, HTTPException):
        code = STATUS_CODES.get(wrong.status_code, "processing")
        return refuse(code, "", "see GET /fhir/metadata for what this edge can do", status=wrong.status_code)
    return away() if is_away(wrong) else None
