"""FHIR R4 for referrers: post a referral, follow its Task, find both again, take it back, be called about it."""

from fastapi import APIRouter, Request, Response

from services.referrals.edge import Edge
from services.referrals.fhir import capabilities
from services.referrals.fhir.outcome import refuse
from services.referrals.http import changing, finding, posting, subscribing
from services.referrals.http.route import FhirRoute, Referrer, answer
from shared.clock import now

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def fhir_routes(edge: Edge, *, token: str) -> APIRouter:
    """This will serve /fhir, and say that tokens are given at the address `token`."""
    router = APIRouter(prefix="/fhir", route_class=FhirRoute, tags=["FHIR"])
    finding.add(router, edge)
    posting.add(router, edge)
    changing.add(router, edge)
    subscribing.add(router, edge)
    _add_the_rest(router, token)
    return router


def _add_the_rest(router: APIRouter, token: str) -> None:
    @router.get("/metadata")
    async def metadata(request: Request) -> Response:
        """What this edge can do."""
        return answer(capabilities.statement(now(), token=token), request)

    @router.api_route("/{rest:path}", methods=METHODS, include_in_schema=False)
    async def elsewhere(request: Request, rest: str, caller: Referrer) -> Response:
        """Nothing else is served here."""
        del request, rest, caller
        raise refuse("not-supported", "path", "see GET /fhir/metadata for what this edge can do", status=404)
