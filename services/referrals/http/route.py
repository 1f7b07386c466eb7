"""A route that answers every refusal as a FHIR OperationOutcome."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.referrals.fhir.outcome import STATUS_CODES, Refused, invalid, malformed, outcome, refuse
from shared.database import is_away
from shared.edge import Problem
from shared.strict_json import Malformed

FHIR_JSON = "application/fhir+json"
AWAY = "nothing was taken in: send it again in a minute; if somebody may be in danger now, call 911, or text 988"


def answer(
    body: dict[str, Any], request: Request, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """This will answer in FHIR JSON, or under its plain name where that is what the caller asks for."""
    wanted = request.headers.get("accept", "")
    plain = "application/json" in wanted and FHIR_JSON not in wanted
    return JSONResponse(body, status, headers, media_type="application/json" if plain else FHIR_JSON)


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
                headers = {"Retry-After": "30"} if refused.status == 503 else None
                return answer(outcome(refused.issues), request, status=refused.status, headers=headers)

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
    return refuse("processing", "", AWAY, status=503) if is_away(wrong) else None
