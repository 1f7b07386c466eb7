"""Shows who waits, in which order, and why."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from services.matching.rules.policy import Policy
from services.matching.rules.priority import points
from services.matching.store import offers, referrals
from services.matching.store.referrals import Waiting
from shared.calendar import business_days_between
from shared.callers import Agency
from shared.clock import now
from shared.database import Database
from shared.edge import Problem, StrictRoute
from shared.programme import Programme


def routes(database: Database, programme: Programme, *, policy: Policy) -> APIRouter:
    """This will serve GET /waiting and GET /decisions/{referral_id}."""
    router = APIRouter(route_class=StrictRoute, tags=["waiting"])

    @router.get("/waiting")
    async def list_waiting(_: Agency) -> list[dict[str, Any]]:
        """Everybody without a supporter, who is helped first at the top, with the parts of the waiting priority."""
        async with database.reading() as db:
            found = await referrals.who_waits(db)
        at = now()
        return sorted((_shown(each, programme, policy, at) for each in found), key=_order)

    @router.get("/decisions/{referral_id}")
    async def get_decision(referral_id: UUID, _: Agency) -> dict[str, Any]:
        """Why the newest decision about a referral was made: parts, coverage, runner-up, funnel, policy version."""
        async with database.reading() as db:
            found = await offers.decision_of(db, referral_id)
        if found is None:
            raise Problem(404, "No decision yet", where="path.referral_id", remedy="see who waits with GET /waiting")
        return dict(found)

    return router


def _shown(each: Waiting, programme: Programme, policy: Policy, at: datetime) -> dict[str, Any]:
    seeker = each.seeker
    waited = business_days_between(programme.site(seeker.site_id), seeker.arrived_at, at)
    parts = points(seeker.urgency, waited=waited, lost=seeker.lost_offers, policy=policy)
    return {
        "referral_id": str(seeker.referral_id),
        "site_id": seeker.site_id,
        "state": each.state,
        "priority": sum(parts.values()),
        "parts": parts,
        "business_days_waited": waited,
        "arrived_at": seeker.arrived_at,
        "waitlisted_at": each.waitlisted_at,
        "because": each.waits_because,
        "bridge_offered": each.bridged,
    }


def _order(shown: dict[str, Any]) -> tuple[int, datetime, str]:
    return -shown["priority"], shown["arrived_at"], shown["referral_id"]
