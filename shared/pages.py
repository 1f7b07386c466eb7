"""What every service shows: health, metrics, figures, and its documents."""

import time
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from faststream.specification.asyncapi import AsyncAPI, get_asyncapi_html
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, Histogram, generate_latest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import clock, work
from shared.callers import Caller, of_kind
from shared.edge import Problem, StrictRoute
from shared.mailbox import Reply
from shared.mailbox.tables import errands, letters, timers

if TYPE_CHECKING:
    from shared.service import Service


def serve(service: "Service") -> None:
    """This will add the pages to a service's HTTP application."""
    _time_requests(service)
    _health(service)
    _figures(service)
    _work(service)
    _documents(service)


def _time_requests(service: "Service") -> None:
    seconds = Histogram(
        "http_request_seconds", "Time to answer", ["method", "route", "status"], registry=service.registry
    )

    @service.http.middleware("http")
    async def timed(request: Request, call_next: Any) -> Response:
        begun = time.perf_counter()
        response: Response = await call_next(request)
        route = getattr(request.scope.get("route"), "path", "other")
        seconds.labels(request.method, route, str(response.status_code)).observe(time.perf_counter() - begun)
        return response


def _health(service: "Service") -> None:
    @service.http.get("/health", tags=["operations"], response_class=PlainTextResponse)
    async def health() -> str:
        """The process lives."""
        return "alive\n"

    @service.http.get("/ready", tags=["operations"])
    async def ready() -> Response:
        """The service hears, and may be given work."""
        waits = {} if service.ready else {"waits_for": "NATS, or its streams: see the log"}
        return JSONResponse({"ready": service.ready, **waits}, 200 if service.ready else 503)

    @service.http.get("/quiet", tags=["operations"])
    async def quiet(_: Annotated[Caller, Depends(of_kind("agency"))]) -> dict[str, Any]:
        """What is under way, and when the next timer rings: for whoever steps the clock."""
        return await _under_way(service)


async def _under_way(service: "Service") -> dict[str, Any]:
    mailbox = service.mailbox
    async with service.database.reading() as db:
        unsent = await mailbox.relay.waiting(db)
        aside = await db.scalar(select(func.count()).select_from(letters).where(letters.c.state != "dead"))
        calls = await db.scalar(select(func.count()).select_from(errands).where(errands.c.state != "done"))
        due = await mailbox.timers.next_due(db)
        dead = await db.scalar(select(func.count()).select_from(letters).where(letters.c.state == "dead"))
        waiting = await db.scalar(select(func.count()).select_from(timers).where(timers.c.rung_at.is_(None)))
    mailbox.meters.timers.set(waiting or 0)
    mailbox.meters.errands.set(calls or 0)
    return {
        "ready": service.ready,
        "now": clock.now().isoformat(),
        "busy": mailbox.busy,
        "unsent": unsent,
        "aside": aside,
        "dead": dead,
        "errands": calls,
        "timers": waiting,
        "next_due": due.isoformat() if due else None,
        "transactions": mailbox.transactions,
    }


def _figures(service: "Service") -> None:
    gauges: dict[str, Gauge] = {}

    @service.http.get("/figures", tags=["operations"])
    async def figures(_: Annotated[Caller, Depends(of_kind("agency"))]) -> dict[str, int]:
        """What this service has done so far, counted from its store."""
        return await service.counted()

    @service.http.get("/metrics", tags=["operations"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Prometheus metrics."""
        if service.ready:
            await _under_way(service)
        for name, value in (await service.counted()).items():
            if name not in gauges:
                gauges[name] = Gauge(name, f"{name.replace('_', ' ')}, from the store", registry=service.registry)
            gauges[name].set(value)
        return Response(generate_latest(service.registry), media_type=CONTENT_TYPE_LATEST)


def _work(service: "Service") -> None:
    router = APIRouter(route_class=StrictRoute, tags=["work"])

    @router.get("/work")
    async def waiting(_: Annotated[Caller, Depends(of_kind("agency"))]) -> list[work.Task]:
        """The tasks that wait for a person, the most pressing first."""
        async with service.database.reading() as db:
            return await work.open_tasks(db)

    @router.post("/work/{task_id}/done")
    async def done(task_id: UUID, who: work.Done, _: Annotated[Caller, Depends(of_kind("agency"))]) -> dict[str, bool]:
        """Mark a task as done."""

        async def close(task: UUID, db: AsyncConnection) -> Reply:
            return Reply(await work.close_by_id(db, task, who.by))

        if not await service.mailbox.run(close, task_id):
            raise Problem(404, "No such open task", where="path.task_id", remedy="list the open ones with GET /work")
        return {"done": True}

    service.http.include_router(router)


def _documents(service: "Service") -> None:
    def specification() -> Any:
        return AsyncAPI(service.broker, title=f"Alongside {service.name}", version="1").to_specification()

    @service.http.get("/asyncapi.json", tags=["documents"])
    async def asyncapi_json() -> Response:
        """What this service hears and says on the bus, as AsyncAPI 3."""
        return Response(specification().to_json(), media_type="application/json")

    @service.http.get("/asyncapi", tags=["documents"], response_class=HTMLResponse)
    async def asyncapi() -> str:
        """What this service hears and says on the bus, to read."""
        return str(get_asyncapi_html(specification(), try_it_out_path=None))
