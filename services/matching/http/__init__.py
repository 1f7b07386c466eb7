"""The HTTP edge of the matching service, for the programme's own agencies."""

from fastapi import APIRouter

from services.matching.http import offers, register, waiting
from services.matching.rules.policy import Policy
from shared.database import Database
from shared.mailbox import Run
from shared.programme import Programme


def routes(run: Run, database: Database, programme: Programme, *, policy: Policy) -> APIRouter:
    """This will serve supporters, offerings, offers and the waiting list."""
    router = APIRouter()
    router.include_router(register.routes(run, database, programme, policy=policy))
    router.include_router(offers.routes(run, database, programme, policy=policy))
    router.include_router(waiting.routes(database, programme, policy=policy))
    return router
