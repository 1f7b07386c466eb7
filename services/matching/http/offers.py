"""Shows supporters the offers made to them, and takes their answers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.handlers.answer import Answered, Refused
from services.matching.rules.introduction import introduce
from services.matching.rules.offers import Offer, OfferState
from services.matching.store import offers, referrals, supporters
from shared.callers import Agency
from shared.clock import now
from shared.database import Database
from shared.edge import Problem, StrictRoute
from shared.events.matching import DeclineCode
from shared.mailbox import Ask

REMEDIES = {
    "accepted": "it was accepted; to end the match, speak to the programme",
    "declined": "it was declined and others are asked now; nothing is left to do",
    "expired": "it ran out and others are asked now; nothing is left to do",
    "withdrawn": "it was taken back; nothing is left to do",
}


class AnswerBody(BaseModel):
    """What the supporter answers; `code` says why when they decline, `by` is who wrote it down."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)
    answer: Literal["accept", "decline"]
    code: DeclineCode | None = None
    by: Annotated[str, Field(min_length=1, max_length=200)] | None = None


def routes(answer: Ask, database: Database) -> APIRouter:
    """This will serve GET /offers and POST /offers/{offer_id}/answer."""
    router = APIRouter(route_class=StrictRoute, tags=["offers"])

    @router.get("/offers")
    async def list_offers(
        caller: Agency,
        state: OfferState | None = None,
        supporter_id: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> list[dict[str, Any]]:
        """Offers to your supporters, the most pressing first, with the least a supporter needs to decide."""
        async with database.reading() as db:
            found = await offers.offers_of(
                db, caller.organisation_id, state=state, supporter_id=supporter_id, limit=limit
            )
            return await _shown(db, found)

    @router.post("/offers/{offer_id}/answer")
    async def answer_offer(offer_id: UUID, told: AnswerBody, caller: Agency) -> dict[str, Any]:
        """Say yes or no to an offer; the same answer again changes nothing."""
        if told.answer == "decline" and told.code is None:
            raise Problem(
                422, "Why it is declined is missing", where="body.code", remedy="send one of the decline codes"
            )
        found = await answer(Answered(offer_id=offer_id, organisation=caller.organisation_id, **told.model_dump()))
        if isinstance(found, Refused):
            raise _problem(found)
        return dict(found)

    return router


def _problem(refused: Refused) -> Problem:
    if refused.over is None:
        return Problem(404, "No such offer", where="path.offer_id", remedy="list yours with GET /offers")
    return Problem(409, "The offer is over", where="path.offer_id", remedy=REMEDIES[refused.over])


async def _shown(db: AsyncConnection, found: list[Offer]) -> list[dict[str, Any]]:
    people = await referrals.some(db, [each.referral_id for each in found])
    staff = await supporters.supporters_by_id(db, [each.supporter_id for each in found])
    at = now()
    return [
        {
            "offer_id": str(each.offer_id),
            "referral_id": str(each.referral_id),
            "supporter_id": str(each.supporter_id),
            "state": each.state,
            "made_at": each.made_at,
            "answer_by": each.answer_by,
            "about": introduce(people[each.referral_id].seeker, staff[each.supporter_id].candidate(), now=at)
            if each.state == "open"
            else None,
        }
        for each in found
    ]
