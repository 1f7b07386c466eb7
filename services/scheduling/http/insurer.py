"""The insurer: which sessions of its members were held, and what of them is covered."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from services.scheduling.handlers import answering
from services.scheduling.handlers.answering import Asked
from services.scheduling.rules.plans import Plans
from services.scheduling.rules.question import Question
from shared.callers import Caller, of_kind
from shared.edge import Problem, StrictRoute
from shared.mailbox import Run


def routes(run: Run, plans: Plans) -> APIRouter:
    """This will serve GET /covered-sessions to payers, for their own members only."""
    router = APIRouter(route_class=StrictRoute, tags=["insurers"])
    handler = partial(answering.answer, plans=plans)

    @router.get("/covered-sessions", dependencies=[Depends(_each_once)])
    async def covered_sessions(
        question: Annotated[Question, Query()], payer: Annotated[Caller, Depends(of_kind("payer"))]
    ) -> dict[str, Any]:
        """The sessions of the caller's members on dates of service `from` to `to`, with what is covered and why not."""
        told: dict[str, Any] = await run(handler, Asked(payer=payer.organisation_id, question=question, edge="http"))
        return told

    return router


def named_twice(names: Iterable[str]) -> str | None:
    """This will give the first name that comes again, if any does."""
    return next((name for name, times in Counter(names).items() if times > 1), None)


async def _each_once(request: Request) -> None:
    twice = named_twice(name for name, _ in request.query_params.multi_items())
    if twice is not None:
        raise Problem(422, "A parameter is named twice", where=f"query.{twice[:40]}", remedy="send each once")
