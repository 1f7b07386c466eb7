"""FHIR R4 for referrers: post a referral, follow its Task."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import handlers, store
from services.referrals.fhir import answers
from services.referrals.fhir.outcome import Refused, refuse
from services.referrals.fhir.reading import BUNDLE_LIMIT, RESOURCE_LIMIT, Reading, read, token
from services.referrals.http.route import FhirRoute, answer, as_refused
from shared.callers import Caller, known
from shared.clock import now
from shared.database import Database
from shared.edge import body_of
from shared.mailbox import Ask, Run
from shared.programme import Programme
from shared.strict_json import Malformed

Referrer = Annotated[Caller, Depends(known)]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def fhir_routes(receive: Ask, run: Run, database: Database, programme: Programme) -> APIRouter:
    """This will serve /fhir."""
    router = APIRouter(prefix="/fhir", route_class=FhirRoute, tags=["FHIR"])
    _add_posting(router, receive, run, programme)
    _add_reading(router, database, programme)
    _add_the_rest(router)
    return router


def _add_posting(router: APIRouter, receive: Ask, run: Run, programme: Programme) -> None:
    posting = partial(_take, receive=receive, run=run, programme=programme)

    @router.post("/ServiceRequest", status_code=201)
    async def refer(request: Request, caller: Referrer) -> Response:
        """Refer a person: a ServiceRequest that contains its Patient."""
        unless = request.headers.get("if-none-exist") or request.url.query
        _, received = await posting(request, caller, unless=unless, only="ServiceRequest", limit=RESOURCE_LIMIT)
        first = received[0]
        where = {"Location": str(request.url_for("read_request", referral_id=str(first.referral.referral_id)).path)}
        body = _echo(first.referral, programme)
        return answer(body, request, status=201 if first.new else 200, headers=where)

    @router.post("", status_code=200)
    @router.post("/", status_code=200, include_in_schema=False)
    async def transact(request: Request, caller: Referrer) -> Response:
        """Refer people: a transaction Bundle of Patients and ServiceRequests, all or nothing."""
        reading, received = await posting(request, caller, unless=None, only="Bundle", limit=BUNDLE_LIMIT)
        places = {each.entry: (each.referral.referral_id, each.new) for each in received}
        return answer(answers.transaction_response(reading.entries, places), request)


async def _take(
    request: Request,
    caller: Caller,
    *,
    unless: str | None,
    only: str,
    limit: int,
    receive: Ask,
    run: Run,
    programme: Programme,
) -> tuple[Reading, list[handlers.Received]]:
    """This will take in a post, and account for it where it is refused."""
    post_id, organisation = uuid4(), caller.organisation_id
    try:
        raw = await body_of(request, limit)
        reading = read(raw, request.headers.get("content-type", ""), unless=unless, only=only)
        handlers.check(reading, programme)
        return reading, await receive(handlers.Post(post_id=post_id, organisation=organisation, reading=reading))
    except (Refused, Malformed) as wrong:
        refused = as_refused(wrong)
        await run(handlers.refuse, (post_id, organisation, refused))
        raise


def _echo(referral: store.Referral, programme: Programme) -> dict[str, Any]:
    return answers.service_request(
        referral.referral_id,
        referral.order,
        organisation=referral.organisation,
        site=programme.site(referral.site_id),
        arrived_at=referral.arrived_at,
        crisis_at=referral.crisis_at,
    )


def _add_reading(router: APIRouter, database: Database, programme: Programme) -> None:
    @router.get("/ServiceRequest/{referral_id}", name="read_request")
    async def read_request(request: Request, referral_id: str, caller: Referrer) -> Response:
        """A referral as we keep it."""
        async with database.reading() as db:
            referral = await _own(db, referral_id, caller, "ServiceRequest")
        return answer(_echo(referral, programme), request)

    @router.get("/Task/{referral_id}")
    async def read_task(request: Request, referral_id: str, caller: Referrer) -> Response:
        """What became of a referral, as far as the person's consent allows."""
        async with database.reading() as db:
            referral = await _own(db, referral_id, caller, "Task")
            tasks = await handlers.bodies(db, [referral], programme=programme)
        return answer(tasks[referral.referral_id], request)

    @router.get("/Task")
    async def search(request: Request, caller: Referrer) -> Response:
        """Find a Task by `identifier=system|value` or `_id`."""
        async with database.reading() as db:
            found = await _searched(db, request, caller)
            tasks = await handlers.bodies(db, found, programme=programme)
        return answer(answers.searchset(list(tasks.values())), request)


async def _own(db: AsyncConnection, referral_id: str, caller: Caller, kind: str) -> store.Referral:
    wanted = as_uuid(referral_id)
    found = await store.by_id(db, wanted, caller.organisation_id) if wanted else None
    if found is None:
        raise refuse("not-found", kind, "ask for one of your own, by the id you were given", status=404)
    return found


def as_uuid(written: str) -> UUID | None:
    """This will read an id, or give None where it is none of ours."""
    try:
        return UUID(written)
    except ValueError:
        return None


async def _searched(db: AsyncConnection, request: Request, caller: Caller) -> list[store.Referral]:
    by_id, by_identifier = request.query_params.get("_id"), request.query_params.get("identifier")
    if by_id is None and by_identifier is None:
        raise refuse("required", "query", "search by identifier=system|value or _id", status=400)
    if by_id is not None:
        wanted = as_uuid(by_id)
        found = await store.by_id(db, wanted, caller.organisation_id) if wanted else None
    else:
        identifier = token(by_identifier or "", "query identifier")
        found = await store.by_placer(db, caller.organisation_id, identifier)
    return [found] if found else []


def _add_the_rest(router: APIRouter) -> None:
    @router.get("/metadata")
    async def metadata(request: Request) -> Response:
        """What this edge can do."""
        return answer(answers.capabilities(now()), request)

    @router.api_route("/{rest:path}", methods=METHODS, include_in_schema=False)
    async def elsewhere(request: Request, rest: str, caller: Referrer) -> Response:
        """Nothing else is served here."""
        del request, rest, caller
        raise refuse("not-supported", "path", "see GET /fhir/metadata for what this edge can do", status=404)
