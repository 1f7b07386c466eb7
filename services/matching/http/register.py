"""Registers and shows supporters and offerings."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.matching.handlers.register import (
    OfferingTold,
    Refused,
    SupporterTold,
    register_offering,
    shown,
)
from services.matching.rules.offering import Offering
from services.matching.rules.policy import Policy
from services.matching.rules.supporter import Registration
from services.matching.store import offerings, supporters
from shared.callers import Agency
from shared.database import Database
from shared.edge import Problem, StrictRoute, add_routes
from shared.mailbox import Ask, Run
from shared.programme import Programme


def routes(run: Run, register: Ask, database: Database, programme: Programme, *, policy: Policy) -> APIRouter:
    """This will serve PUT and GET of supporters and offerings."""
    router = APIRouter(route_class=StrictRoute)
    add_routes(router, _supporters(register, database, policy), _offerings(run, database, programme))
    return router


def _supporters(register: Ask, database: Database, policy: Policy) -> APIRouter:
    router = APIRouter(route_class=StrictRoute, tags=["supporters"])

    @router.put("/supporters/{supporter_id}")
    async def put_supporter(supporter_id: UUID, told: Registration, caller: Agency, answer: Response) -> dict[str, Any]:
        """Register a supporter, or change what is known of them; the same again changes nothing."""
        if told.supporter_id not in (None, supporter_id):
            raise Problem(
                422, "Two different ids", where="body.supporter_id", remedy="leave it away, or send the path's id"
            )
        posted = SupporterTold(organisation=caller.organisation_id, supporter_id=supporter_id, supporter=told.told())
        return _registered(await register(posted), answer)

    @router.get("/supporters/{supporter_id}")
    async def get_supporter(supporter_id: UUID, caller: Agency) -> dict[str, Any]:
        """One of your supporters, without the people they exclude, which nobody reads back."""
        async with database.reading() as db:
            found = (await supporters.supporters_by_id(db, [supporter_id])).get(supporter_id)
        if found is None or found.organisation != caller.organisation_id:
            raise Problem(404, "No such supporter", where="path.supporter_id", remedy="list yours with GET /supporters")
        return shown(found, policy=policy)

    @router.get("/supporters")
    async def list_supporters(caller: Agency) -> list[dict[str, Any]]:
        """Your supporters."""
        async with database.reading() as db:
            found = await supporters.supporters_of(db, caller.organisation_id)
        return [shown(each, policy=policy) for each in found]

    return router


def _offerings(run: Run, database: Database, programme: Programme) -> APIRouter:
    router = APIRouter(route_class=StrictRoute, tags=["offerings"])
    register = partial(register_offering, programme=programme)

    @router.put("/offerings/{offering_id}")
    async def put_offering(offering_id: UUID, told: Offering, caller: Agency, answer: Response) -> dict[str, Any]:
        """Register something people can join: a group, a warm line, a drop-in, an open group, an online community."""
        posted = OfferingTold(organisation=caller.organisation_id, offering_id=offering_id, offering=told)
        return _registered(await run(register, posted), answer)

    @router.get("/offerings")
    async def list_offerings(_: Agency) -> list[dict[str, Any]]:
        """The offerings of the programme."""
        async with database.reading() as db:
            found = await offerings.all_offerings(db)
        return [{"offering_id": str(each.offering_id), **each.offering.model_dump(mode="json")} for each in found]

    return router


def _registered(found: dict[str, Any] | Refused, answer: Response) -> dict[str, Any]:
    if isinstance(found, Refused):
        status, first = 409 if found.taken else 422, found.errors[0]
        where = f"body.{first['where']}"
        raise Problem(status, "The registration cannot be taken", where=where, remedy=first["remedy"])
    answer.status_code = 201 if found["outcome"] == "registered" else 200
    return found
