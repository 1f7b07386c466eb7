"""The HTTP edge: staff book and record; an insurer asks."""

from fastapi import APIRouter

from services.scheduling.http import insurer, staff
from services.scheduling.rules.plans import Plans
from shared.database import Database
from shared.edge import add_routes
from shared.mailbox import Run
from shared.programme import Programme


def routes(run: Run, database: Database, programme: Programme, plans: Plans) -> APIRouter:
    """This will serve /sessions to the programme's people and /covered-sessions to payers."""
    router = APIRouter()
    add_routes(router, staff.routes(run, database, programme, plans), insurer.routes(run, plans))
    return router
