"""What every service shows: health, metrics, figures, and its documents."""

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from sqlalchemy import ColumnElement, Label, Table, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import asyncapi, bus_page, clock, letters, work
from shared.callers import Agency
from shared.edge import Problem, StrictRoute, add_routes
from shared.gauges import Gauges
from shared.mailbox.aside import PAUSES
from shared.mailbox.tables import errands, outbox, timers
from shared.mailbox.tables import letters as put_aside
from shared.served import Served

if TYPE_CHECKING:
    from shared.service import Service


def _count(table: Table, condition: ColumnElement[bool], name: str) -> Label[int]:
    return select(func.count()).select_from(table).where(condition).scalar_subquery().label(name)


UNDER_WAY = select(
    _count(outbox, outbox.c.sent_at.is_(None), "unsent"),
    select(func.min(outbox.c.said_at)).where(outbox.c.sent_at.is_(None)).scalar_subquery().label("unsent_since"),
    _count(put_aside, put_aside.c.state != "dead", "aside"),
    _count(put_aside, put_aside.c.state == "dead", "dead"),
    _count(errands, errands.c.state != "done", "errands"),
    _count(errands, errands.c.state == "stuck", "stuck_errands"),
    _count(timers, timers.c.rung_at.is_(None), "timers"),
    _count(timers, and_(timers.c.rung_at.is_(None), timers.c.attempts > len(PAUSES)), "stuck_timers"),
    select(func.min(timers.c.due))
    .where(timers.c.rung_at.is_(None), timers.c.attempts == 0)
    .scalar_subquery()
    .label("next_due"),
)


router, tasks = APIRouter(), APIRouter(route_class=StrictRoute, tags=["work"])
"""Made once for every service: what each shows, and the tasks of each."""


def serve(service: "Service") -> None:
    """This will add the pages to a service's HTTP application."""
    _describe(service)
    _time_requests(service)
    service.http.state.gauges = Gauges(service)
    add_routes(service.http, router, tasks, letters.router)


EVERYWHERE = {"operations", "work", "letters", "documents"}
"""Tags of what every service has."""


def _describe(service: "Service") -> None:
    """This will tell in the OpenAPI document what each route does, and what is the service's own first."""
    written = service.http.openapi

    def openapi() -> dict[str, Any]:
        document = written()
        for route in document["paths"].values():
            for operation in route.values():
                operation["summary"] = operation["description"].partition("\n")[0]
        document["paths"] = dict(sorted(document["paths"].items(), key=_is_everywhere))
        return document

    service.http.openapi = openapi  # type: ignore[method-assign]


def _is_everywhere(route: tuple[str, Any]) -> bool:
    return any(EVERYWHERE & set(operation["tags"]) for operation in route[1].values())


class TimedRequests:
    """Measures how long each route takes to answer, by method, route and status."""

    def __init__(self, app: ASGIApp, seconds: Histogram) -> None:
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """This will pass a request on, and observe it when it is answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), "500"

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, answered)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.seconds.labels(scope["method"], route, status).observe(time.perf_counter() - begun)


def _time_requests(service: "Service") -> None:
    seconds = Histogram(
        "http_request_seconds", "Time to answer", ["method", "route", "status"], registry=service.registry
    )
    service.http.add_middleware(TimedRequests, seconds=seconds)


@router.get("/health", tags=["operations"], response_class=PlainTextResponse)
async def health() -> str:
    """The process lives."""
    return "alive\n"


@router.get("/ready", tags=["operations"])
async def ready(at: Served) -> Response:
    """The service hears, and may be given work."""
    waits = at.waits_for()
    return JSONResponse({"ready": not waits, **({"waits_for": waits} if waits else {})}, 503 if waits else 200)


@router.get("/quiet", tags=["operations"])
async def quiet(_: Agency, at: Served, within: Annotated[float, Query(ge=0, le=10)] = 0) -> dict[str, Any]:
    """What is under way, and when the next timer rings; it waits up to `within` seconds for nothing to be."""
    deadline = time.monotonic() + within
    while True:
        if at.mailbox.at_rest or time.monotonic() > deadline:
            told = await _under_way(at)
            if _is_quiet(told) or time.monotonic() > deadline:
                return told
        await asyncio.sleep(0.005)


def _is_quiet(told: dict[str, Any]) -> bool:
    ringing = told["next_due"] is not None and told["next_due"] <= told["now"]
    return (
        bool(told["ready"]) and not ringing and not any(told[each] for each in ("busy", "unsent", "aside", "errands"))
    )


async def _under_way(service: "Service") -> dict[str, Any]:
    mailbox = service.mailbox
    async with service.database.reading() as db:
        found = (await db.execute(UNDER_WAY)).mappings().one()
    due = found["next_due"]
    waiting_since = found["unsent_since"] or clock.now()
    mailbox.meters.unsent.set(found["unsent"])
    mailbox.meters.oldest.set(max((clock.now() - waiting_since).total_seconds(), 0.0))
    mailbox.meters.timers.set(found["timers"])
    mailbox.meters.errands.set(found["errands"])
    mailbox.meters.given_up.labels("errand").set(found["stuck_errands"])
    mailbox.meters.given_up.labels("timer").set(found["stuck_timers"])
    return {
        "ready": service.ready,
        "now": clock.now().isoformat(),
        "busy": mailbox.busy,
        **{each: found[each] for each in ("unsent", "aside", "dead", "errands", "timers")},
        "next_due": due.isoformat() if due else None,
        "transactions": mailbox.transactions,
    }


@router.get("/figures", tags=["operations"])
async def figures(_: Agency, at: Served) -> dict[str, int]:
    """What this service has done so far, counted from its store."""
    return await at.counted()


@router.get("/programme", tags=["operations"])
async def programme(_: Agency, at: Served) -> dict[str, str | list[str]]:
    """Which programme.json counts, by its SHA-256, why a newer one does not, and what of it waits for a start."""
    followed = at.following
    return {"digest": followed.digest, "refused": followed.refused, "waits": followed.waits}


@router.get("/metrics", tags=["operations"], response_class=PlainTextResponse)
async def metrics(request: Request, at: Served) -> Response:
    """Prometheus metrics."""
    await request.app.state.gauges.read(_under_way)
    return Response(generate_latest(at.registry), media_type=CONTENT_TYPE_LATEST)


@tasks.get("/work")
async def waiting(
    _: Agency, at: Served, kind: str | None = None, limit: Annotated[int, Query(ge=1, le=work.MOST)] = work.MOST
) -> list[work.Task]:
    """The tasks that wait for a person, or those of one kind, the most pressing first; 10,000 at most."""
    async with at.database.reading() as db:
        return await work.open_tasks(db, kind=kind, limit=limit)


@tasks.post("/work/{task_id}/done")
async def done(task_id: UUID, who: work.Done, _: Agency, at: Served) -> dict[str, bool]:
    """Mark a task as done; one that has a request of its own is done by that."""
    await at.mailbox.run(partial(_close, service=at), (task_id, who.by))
    return {"done": True}


async def _close(asked: tuple[UUID, str], db: AsyncConnection, *, service: "Service") -> None:
    task_id, by = asked
    task = await work.open_one(db, task_id)
    if task is None:
        raise Problem(404, "No such open task", where="path.task_id", remedy="list the open ones with GET /work")
    if instead := await service.still_waits(task, db):
        raise Problem(409, "Somebody still waits for this", where="path.task_id", remedy=f"do it with {instead}")
    await work.close_by_id(db, task_id, by)


@router.get("/asyncapi.json", tags=["documents"])
async def asyncapi_json(at: Served) -> JSONResponse:
    """What this service hears and says on the bus, as AsyncAPI 3."""
    return JSONResponse(_specification(at))


@router.get("/asyncapi", tags=["documents"], response_class=HTMLResponse)
async def asyncapi_page(at: Served) -> str:
    """What this service hears and says on the bus, to read."""
    return bus_page.page(_specification(at))


def _specification(service: "Service") -> dict[str, Any]:
    return asyncapi.document(service.mailbox, url=service.settings.nats_url)
