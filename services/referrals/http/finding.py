"""Reading and searching in FHIR: whatever is not one's own is not there."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import handlers, store
from services.referrals.edge import Edge
from services.referrals.fhir import answers
from services.referrals.fhir.outcome import refuse
from services.referrals.fhir.searching import PAGE, Kind, Search, as_uuid, following, search
from services.referrals.http.route import Referrer, answer, refuse_without, unchanged
from shared.callers import Caller
from shared.edge import body_of

FORM = "application/x-www-form-urlencoded"
AT_ONCE, MOST_LOOKED_AT = 200, 1_000
"""Referrals read in one go, and looked at for one page: a search that finds few goes on on the next page."""

Shown = Callable[[AsyncConnection, list[store.Referral]], Awaitable[list[handlers.Told]]]
"""Gives the resources of referrals, in their order."""


def add(router: APIRouter, edge: Edge) -> None:
    """This will serve what referrers read; what tells them something is accounted for."""

    async def requests(_: AsyncConnection, some: list[store.Referral]) -> list[handlers.Told]:
        return [handlers.echo(each, programme=edge.programme) for each in some]

    async def tasks(db: AsyncConnection, some: list[store.Referral]) -> list[handlers.Told]:
        told = await handlers.tasks_of(db, some, programme=edge.programme)
        return [told[each.referral_id] for each in some]

    _add_kind(router, edge, "ServiceRequest", requests, requests)
    _add_kind(router, edge, "Task", tasks, requests)


def _add_kind(router: APIRouter, edge: Edge, kind: Kind, shown: Shown, focus: Shown) -> None:
    async def found(request: Request, caller: Caller, parameters: list[tuple[str, str]]) -> Response:
        wanted = search(kind, parameters, lenient="handling=lenient" in request.headers.get("prefer", ""))
        if wanted.with_focus:
            refuse_without(caller, "ServiceRequest", "s")
        async with edge.database.reading() as db:
            some, after = await _page(db, caller, wanted, shown)
            focused = [each.referral for each in some] if wanted.with_focus and kind == "Task" else []
            included = await focus(db, focused)
        all_of_it = wanted.count > 0 and wanted.after is None and after is None
        whose, base = caller.organisation, _base(edge, request)
        bodies, besides = await _told(edge, some), await _told(edge, included)
        links = _links(f"{base}/{kind}", wanted, after)
        return answer(answers.searchset(bodies, besides, links, base=base, all_of_it=all_of_it, whose=whose), request)

    @router.get(f"/{kind}/{{referral_id}}", name=f"read {kind}")
    async def read_one(request: Request, referral_id: str, caller: Referrer) -> Response:
        """One of your own, by its id."""
        async with edge.database.reading() as db:
            referral = await own(db, referral_id, caller, kind)
            (one,) = await shown(db, [referral])
        # Who has this version already is told nothing.
        if same := unchanged(one.body, request):
            return same
        await _told(edge, [one])
        return answer(one.body, request)

    @router.get(f"/{kind}", name=f"search {kind}")
    async def search_all(request: Request, caller: Referrer) -> Response:
        """Your own, the latest first; see /fhir/metadata for what to search by."""
        return await found(request, caller, list(request.query_params.multi_items()))

    @router.post(f"/{kind}/_search", name=f"search {kind} by a form")
    async def search_form(request: Request, caller: Referrer) -> Response:
        """The same search, with its parameters in a form, where they do not stand in logs."""
        return await found(request, caller, [*request.query_params.multi_items(), *await _form(request)])


async def _form(request: Request) -> list[tuple[str, str]]:
    raw = await body_of(request)
    if FORM not in request.headers.get("content-type", ""):
        raise refuse("not-supported", "header Content-Type", f"send {FORM}", status=415)
    return parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)


async def _told(edge: Edge, some: list[handlers.Told]) -> list[dict[str, Any]]:
    """This will give resources, accounted for."""
    await edge.tell(some, way="fhir")
    return [each.body for each in some]


async def own(db: AsyncConnection, referral_id: str, caller: Caller, kind: str) -> store.Referral:
    """This will give a caller's own referral; Refused where there is none, whoever else has one."""
    wanted = as_uuid(referral_id)
    found = await store.by_id(db, wanted, caller.organisation_id) if wanted else None
    if found is None:
        raise refuse("not-found", kind, "ask for one of your own, by the id you were given", status=404)
    return found


async def _page(
    db: AsyncConnection, caller: Caller, wanted: Search, shown: Shown
) -> tuple[list[handlers.Told], tuple[datetime, UUID] | None]:
    """This will give a page, and where the next begins, where there may be one."""
    looked_for, page_size = _wanted(wanted, caller), AT_ONCE if wanted.is_filter else wanted.count + 1
    found: list[handlers.Told] = []
    after, looked_at, more = wanted.after, 0, wanted.count > 0
    while more and len(found) <= wanted.count and looked_at < MOST_LOOKED_AT:
        some = await store.page(db, looked_for, after=after, limit=page_size)
        found += [each for each in await shown(db, some) if _fits(each.body, wanted)]
        looked_at, more = looked_at + len(some), len(some) == page_size
        after = _place(some[-1]) if some else after
    page = found[: wanted.count]
    if len(found) > len(page):
        after, more = _place(page[-1].referral), True
    return page, after if more else None


def _place(referral: store.Referral) -> tuple[datetime, UUID]:
    return referral.arrived_at, referral.referral_id


def _wanted(wanted: Search, caller: Caller) -> store.Wanted:
    return store.Wanted(
        organisation=caller.organisation_id,
        ids=wanted.ids,
        identifiers=wanted.identifiers,
        patients=wanted.patients,
        arrived=wanted.arrived,
        told=wanted.updated,
    )


def _fits(body: dict[str, Any], wanted: Search) -> bool:
    """This will hold what a caller may see against what can only be said of that."""
    return (
        (wanted.statuses is None or body["status"] in wanted.statuses)
        and (wanted.businesses is None or answers.business(body) in wanted.businesses)
        and (wanted.owners is None or answers.owner(body) in wanted.owners)
    )


def _base(edge: Edge, request: Request) -> str:
    """This will give the address under which a caller reaches FHIR: the public one, or the one that they came by."""
    return edge.fhir if edge.is_public else f"{request.base_url}fhir"


def _links(address: str, wanted: Search, after: tuple[datetime, UUID] | None) -> dict[str, str]:
    """This will give the links to a page and the next, in which the parameters are sealed: links stand in logs."""
    places = {"self": wanted.after} | ({"next": after} if after else {})
    return {name: f"{address}?{PAGE}={following(wanted, place)}" for name, place in places.items()}
