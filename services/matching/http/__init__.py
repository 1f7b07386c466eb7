"""The HTTP edge of the matching service, for the programme's own agencies."""

from dataclasses import dataclass

from fastapi import APIRouter

from services.matching.http import offers, register, waiting
from services.matching.rules.policy import Policy
from shared.database import Database
from shared.edge import add_routes
from shared.mailbox import Ask, Run
from shared.programme import Programme


@dataclass(frozen=True)
class Asks:
    """What is answered to many requests at once: answers to offers, and registrations of supporters."""

    answer: Ask
    register: Ask


def routes(run: Run, asks: Asks, database: Database, programme: Programme, *, policy: Policy) -> APIRouter:
    """This will serve supporters, offerings, offers and the waiting list."""
    router = APIRouter()
    add_routes(
        router,
        register.routes(run, asks.register, database, programme, policy=policy),
        offers.routes(asks.answer, database),
        waiting.routes(database, programme, policy=policy),
    )
    return router
