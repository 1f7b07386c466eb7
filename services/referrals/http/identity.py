"""For the programme's own people: whether two people are one human being, asked and answered by name."""

from datetime import datetime
from functools import partial
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from services.referrals import handlers
from services.referrals.edge import Edge
from services.referrals.http.findings import Body, Name, Words, nobody
from services.referrals.rules.identity import Contradiction, Verdict
from services.referrals.rules.likeness import Why
from shared.callers import Agency
from shared.edge import Problem, StrictRoute


class IdentityBody(Body):
    """Who found that somebody is one human being with an `other`, or is not, and why they say so."""

    by: Name
    other: UUID
    verdict: Literal["same", "different"]
    reason: Words


class KnownAs(BaseModel):
    """A person as one of the referrers knows them, by which referrals, and whether it is the same human being."""

    person_id: UUID
    same: bool
    referrals: list[UUID]


class Looked(BaseModel):
    """Two people, why they may be one human being, and what was found; no `verdict` yet where somebody is asked."""

    people: tuple[UUID, UUID]
    why: list[Why]
    noticed_at: datetime
    verdict: Verdict | None
    by: str | None
    reason: str | None
    found_at: datetime | None


class IdentityShown(BaseModel):
    """Everybody who is, or may be, one human being with a person, and what was found of them."""

    person_id: UUID
    people: list[KnownAs]
    found: list[Looked]


def identity_routes(edge: Edge) -> APIRouter:
    """This will serve /people/{person_id}/identity."""
    router = APIRouter(prefix="/people/{person_id}/identity", route_class=StrictRoute, tags=["identity"])

    @router.get("")
    async def identity(person_id: UUID, _: Agency) -> IdentityShown:
        """As whom else a person is known, and may be; ids only."""
        return await _shown(edge, person_id)

    @router.post("")
    async def identify(person_id: UUID, body: IdentityBody, _: Agency) -> IdentityShown:
        """Say whether two people are one human being; what you say later counts, also where a link was wrong."""
        if body.other == person_id:
            raise Problem(422, "That is one person", where="body.other", remedy="name the person_id of the other")
        value = handlers.Identifying(
            person_id=person_id, other_id=body.other, verdict=body.verdict, by=body.by, reason=body.reason
        )
        try:
            await edge.run(partial(handlers.identify, programme=edge.programme), value)
        except handlers.NobodyKnown:
            raise nobody() from None
        except Contradiction as wrong:
            remedy = f"say first what holds of {wrong.two[0]} and {wrong.two[1]}"
            raise Problem(409, "Something else was found of them", where="body.verdict", remedy=remedy) from None
        return await _shown(edge, person_id)

    return router


async def _shown(edge: Edge, person_id: UUID) -> IdentityShown:
    async with edge.database.reading() as db:
        try:
            found = await handlers.identity_of(db, person_id)
        except handlers.NobodyKnown:
            raise nobody() from None
    return IdentityShown(
        person_id=person_id,
        people=[
            KnownAs(person_id=one, same=one in found.same, referrals=mine) for one, mine in found.referrals.items()
        ],
        found=[
            Looked(
                people=each.two,
                why=list(each.why),
                **{name: getattr(each, name) for name in Looked.model_fields if name not in ("people", "why")},
            )
            for each in found.likenesses
        ],
    )
