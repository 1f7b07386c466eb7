"""Subscriptions in FHIR: be called when what became of a referral changes, instead of asking again and again."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import handlers, store
from services.referrals.edge import Edge
from services.referrals.fhir import notices, subscriptions
from services.referrals.fhir.outcome import refuse
from services.referrals.fhir.searching import IGNORED, as_uuid
from services.referrals.http.route import Referrer, answer, refuse_another_version, refuse_without, unchanged
from services.referrals.reading import RESOURCE_LIMIT
from services.referrals.rules.subscriptions import AT_MOST, Subscription
from shared import strict_json
from shared.callers import Caller
from shared.clock import now
from shared.edge import body_of, is_json
from shared.places import named

SEARCHED = ("_id", "status", "url")


def add(router: APIRouter, edge: Edge) -> None:
    """This will serve subscriptions, and the topic they are about."""
    _add_changes(router, edge)
    _add_status(router, edge)
    _add_reads(router, edge)


def _add_changes(router: APIRouter, edge: Edge) -> None:
    @router.post("/Subscription", status_code=201)
    async def subscribe(request: Request, caller: Referrer) -> Response:
        """Subscribe: your endpoint is called with a handshake, then whenever a Task of yours changes."""
        refuse_without(caller, "Task", "r")
        wanted, _ = subscriptions.read(await _parsed(request), edge.reaches.of(caller.organisation_id), now=now())
        try:
            fresh = await edge.run(handlers.subscribe, (caller.organisation_id, wanted))
        except handlers.TooMany:
            remedy = f"you have {AT_MOST}, the most there may be: change or delete one of them"
            raise refuse("business-rule", "Subscription", remedy) from None
        location = {"Location": f"/fhir/Subscription/{fresh.subscription_id}"}
        return answer(subscriptions.written(fresh), request, status=201, headers=location)

    @router.put("/Subscription/{subscription_id}")
    async def replace(request: Request, subscription_id: str, caller: Referrer) -> Response:
        """Change a subscription of yours: it begins with a handshake again, or is off."""
        refuse_without(caller, "Task", "r")
        changed = await _change(edge, request, subscription_id, caller, gone=False)
        return answer(subscriptions.written(changed), request) if changed else Response(status_code=204)

    @router.delete("/Subscription/{subscription_id}", status_code=204)
    async def unsubscribe(request: Request, subscription_id: str, caller: Referrer) -> Response:
        """End a subscription of yours, and forget it."""
        await _change(edge, request, subscription_id, caller, gone=True)
        return Response(status_code=204)


async def _change(edge: Edge, request: Request, one: str, caller: Caller, *, gone: bool) -> Subscription | None:
    before = await _own(edge, one, caller)
    refuse_another_version(request, subscriptions.written(before))
    wanted, off = None, False
    if not gone:
        raw = await _parsed(request)
        if raw.get("id") not in (None, one):
            raise refuse("invalid", "Subscription.id", "send the Subscription that the address names", status=400)
        wanted, off = subscriptions.read(raw, edge.reaches.of(caller.organisation_id), before=before, now=now())
    try:
        changed: Subscription | None = await edge.run(
            handlers.change, handlers.Wish(before=before, wanted=wanted, off=off)
        )
    except handlers.NotThere:
        raise _not_found() from None
    except handlers.Changed:
        raise refuse("conflict", "Subscription", "it was changed meanwhile: read it again", status=409) from None
    return changed


def _add_status(router: APIRouter, edge: Edge) -> None:
    async def status(db: AsyncConnection, some: list[Subscription]) -> list[dict[str, Any]]:
        fresh = await store.waiting(db, [each.subscription_id for each in some], unnumbered=True)
        totals = {each.subscription_id: each.numbered + fresh.get(each.subscription_id, 0) for each in some}
        said = partial(notices.status, kind="query-status", base=edge.fhir)
        return [said(each, total=totals[each.subscription_id]) for each in some]

    @router.get("/Subscription/$status")
    async def status_of_all(request: Request, caller: Referrer) -> Response:
        """How your subscriptions stand, and how many events each has had; `id` and `status` choose among them."""
        wanted = {"_id" if name == "id" else name: value for name, value in _asked(request).items()}
        async with edge.database.reading() as db:
            some = _chosen(await store.subscriptions_of(db, caller.organisation_id), wanted)
            bodies = await status(db, some)
        return answer(notices.searchset(bodies, base=edge.fhir), request)

    @router.get("/Subscription/{subscription_id}/$status")
    async def status_of_one(request: Request, subscription_id: str, caller: Referrer) -> Response:
        """How a subscription of yours stands, and how many events it has had."""
        known = await _own(edge, subscription_id, caller)
        async with edge.database.reading() as db:
            bodies = await status(db, [known])
        return answer(notices.searchset(bodies, base=edge.fhir), request)


def _add_reads(router: APIRouter, edge: Edge) -> None:
    @router.get("/Subscription/{subscription_id}")
    async def read_one(request: Request, subscription_id: str, caller: Referrer) -> Response:
        """One subscription of yours; what its headers hold is not told."""
        body = subscriptions.written(await _own(edge, subscription_id, caller))
        return unchanged(body, request) or answer(body, request)

    @router.get("/Subscription")
    async def search(request: Request, caller: Referrer) -> Response:
        """Your own subscriptions, by status and url."""
        wanted = _asked(request)
        lenient = "handling=lenient" in request.headers.get("prefer", "")
        strange = [each for each in wanted if each not in SEARCHED]
        if strange and not lenient:
            raise refuse("not-supported", f"query {named(strange[0])}", f"search by {', '.join(SEARCHED)}", status=400)
        async with edge.database.reading() as db:
            some = _chosen(await store.subscriptions_of(db, caller.organisation_id), wanted)
        return answer(notices.searchset([subscriptions.written(each) for each in some], base=edge.fhir), request)

    @router.get(f"/SubscriptionTopic/{subscriptions.TOPIC_ID}")
    async def topic(request: Request) -> Response:
        """The one topic there is: what became of a referral."""
        return answer(notices.topic(), request)


def _asked(request: Request) -> dict[str, str]:
    return {
        name: value for name, value in request.query_params.multi_items() if value and name not in IGNORED | {"_count"}
    }


def _chosen(some: list[Subscription], wanted: Mapping[str, str]) -> list[Subscription]:
    """This will choose those that are asked for; each parameter holds alternatives between commas."""
    ids, statuses = wanted.get("_id", "").split(","), wanted.get("status", "").split(",")
    return [
        each
        for each in some
        if ("_id" not in wanted or str(each.subscription_id) in ids)
        and ("status" not in wanted or each.status in statuses)
        and ("url" not in wanted or each.wanted.endpoint == wanted["url"])
    ]


async def _parsed(request: Request) -> dict[str, Any]:
    if not is_json(request.headers.get("content-type", "")):
        raise refuse("not-supported", "header Content-Type", f"send {subscriptions.FHIR_JSON}", status=415)
    raw = strict_json.parse(await body_of(request, RESOURCE_LIMIT), limit=RESOURCE_LIMIT)
    if not isinstance(raw, dict):
        raise refuse("structure", "$", "send one JSON object", status=400)
    return raw


async def _own(edge: Edge, written: str, caller: Caller) -> Subscription:
    """This will give a caller's own subscription; Refused where there is none, whoever else has one."""
    one = as_uuid(written)
    async with edge.database.reading() as db:
        known = (await store.subscriptions_by_ids(db, [one])).get(one) if one else None
    if known is None or known.organisation != caller.organisation_id:
        raise _not_found()
    return known


def _not_found() -> Exception:
    return refuse("not-found", "Subscription", "ask for one of your own, by the id you were given", status=404)
