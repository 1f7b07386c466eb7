"""Posting referrals in FHIR: a ServiceRequest, a Task, a transaction, a message."""

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from services.referrals import handlers
from services.referrals.edge import Edge
from services.referrals.fhir import answers
from services.referrals.fhir.outcome import Refused, malformed
from services.referrals.http.route import Referrer, answer
from services.referrals.reading import BUNDLE_LIMIT, RESOURCE_LIMIT, Kind, Reading, read
from shared.callers import Caller
from shared.edge import body_of
from shared.strict_json import Malformed


async def take(
    edge: Edge, request: Request, caller: Caller, *, only: Kind, limit: int, unless: str | None = None
) -> tuple[Reading, list[handlers.Received]]:
    """This will take in a post, and account for it where it is refused; Unheard where nobody hears of danger in it."""
    post_id, organisation = uuid4(), caller.organisation_id
    try:
        raw = await body_of(request, limit)
        reading = read(raw, request.headers.get("content-type", ""), unless=unless, only=only)
        received = await edge.keep(post_id, organisation, reading)
    except Refused as wrong:
        await edge.account(post_id, organisation, wrong)
        raise
    except Malformed as wrong:
        await edge.account(post_id, organisation, malformed(wrong))
        raise
    await edge.insist(received)
    return reading, received


def add(router: APIRouter, edge: Edge) -> None:
    """This will serve whatever creates referrals."""

    @router.post("/ServiceRequest", status_code=201)
    async def refer(request: Request, caller: Referrer) -> Response:
        """Refer a person: a ServiceRequest that contains its Patient."""
        unless = request.headers.get("if-none-exist") or request.url.query
        _, received = await take(edge, request, caller, unless=unless, only="ServiceRequest", limit=RESOURCE_LIMIT)
        first = received[0]
        told = handlers.echo(first.referral, programme=edge.programme)
        await edge.tell([told], way="fhir")
        body = told.body
        return answer(body, request, status=201 if first.new else 200, headers=_location(body))

    @router.post("/Task", status_code=201)
    async def order(request: Request, caller: Referrer) -> Response:
        """Refer a person by a Task that contains its ServiceRequest and the Patient."""
        unless = request.headers.get("if-none-exist") or request.url.query
        _, received = await take(edge, request, caller, unless=unless, only="Task", limit=RESOURCE_LIMIT)
        first = received[0]
        (body,) = await edge.tasks([first.referral])
        return answer(body, request, status=201 if first.new else 200, headers=_location(body))

    @router.post("", status_code=200)
    @router.post("/", status_code=200, include_in_schema=False)
    async def transact(request: Request, caller: Referrer) -> Response:
        """Refer people: a transaction Bundle of Patients and ServiceRequests, all or nothing."""
        reading, received = await take(edge, request, caller, only="Bundle", limit=BUNDLE_LIMIT)
        return answer(await _told(edge, reading, received, caller), request)

    @router.post("/$process-message", status_code=200)
    async def process_message(request: Request, caller: Referrer) -> Response:
        """Refer people by a message Bundle: its MessageHeader, ServiceRequests and Patients."""
        reading, received = await take(edge, request, caller, only="Bundle", limit=BUNDLE_LIMIT)
        return answer(await _told(edge, reading, received, caller), request)


async def _told(edge: Edge, reading: Reading, received: list[handlers.Received], caller: Caller) -> dict[str, Any]:
    """This will answer a Bundle as its type asks for."""
    test = caller.organisation.test
    if reading.bundle == "message":
        tasks = await edge.tasks([each.referral for each in received])
        return answers.message_response(reading.message_id, tasks, uuid4(), test=test)
    places = {each.entry: (each.referral.referral_id, each.new) for each in received}
    return answers.transaction_response(reading, places, test=test)


def _location(body: dict[str, Any]) -> dict[str, str]:
    return {"Location": f"/fhir/{body['resourceType']}/{body['id']}"}
