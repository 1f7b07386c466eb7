"""For hospitals: how many of those they referred had a visit within seven days after their discharge."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import handlers, store
from services.referrals.edge import Edge
from services.referrals.http.route import unhurried
from services.referrals.rules.follow_up import Left, how
from services.referrals.rules.scopes import lets
from shared.callers import Caller
from shared.clock import now
from shared.consents import consents_of_many
from shared.disclosure import may_disclose
from shared.edge import Problem, StrictRoute
from shared.programme import Programme

USUAL, LONGEST = timedelta(days=90), timedelta(days=366)


class FollowUp(BaseModel):
    """Of your own referrals of people who left hospital from one day to another, both included.

    `discharged` are all of them. Of those that `may_be_told` by the person's consent, each is one of the last four.
    """

    since: date = Field(serialization_alias="from")
    until: date = Field(serialization_alias="to")
    discharged: int
    may_be_told: int
    within_7_days: int
    later: int
    waiting: int
    not_seen: int


def follow_up_routes(edge: Edge) -> APIRouter:
    """This will serve /follow-up."""
    router = APIRouter(prefix="/follow-up", route_class=StrictRoute, tags=["follow-up"])

    @router.get("")
    async def follow_up(
        caller: Annotated[Caller, Depends(unhurried)],
        since: Annotated[date | None, Query(alias="from")] = None,
        until: Annotated[date | None, Query(alias="to")] = None,
    ) -> FollowUp:
        """Visits within seven days after a discharge, of your own referrals only; the last 90 days unless you say."""
        if caller.scopes is not None and not lets(caller.scopes, "Task", "s"):
            raise Problem(403, "Your token is not for this", remedy="ask for a token with the scope system/Task.s")
        last = until or now().date()
        first = since or last - min(USUAL, last - date.min)
        if not timedelta() <= last - first <= LONGEST:
            raise Problem(422, "These days are no span", where="query from", remedy="name 366 days at most, in order")
        async with edge.database.reading() as db:
            told = await _told(db, await store.discharged(db, caller.organisation_id, first, last), edge.programme)
        await edge.tell(told, way="follow_up")
        found = Counter(each.what for each in told if each.consent_id)
        return FollowUp(
            since=first,
            until=last,
            discharged=len(told),
            may_be_told=found.total(),
            within_7_days=found["within_7_days"],
            later=found["later"],
            waiting=found["waiting"],
            not_seen=found["not_seen"],
        )

    return router


async def _told(db: AsyncConnection, some: Sequence[store.Discharged], programme: Programme) -> list[handlers.Counted]:
    """This will say of each what its count tells: how it went by the person's consent only, else that it was taken in.

    Part 2 never lets dates out.
    """
    consents = await consents_of_many(db, [each.person_id for each in some])
    kept = await store.visits_kept(db, [each.referral_id for each in some])
    told = []
    for each in some:
        consent = may_disclose(
            consents.get(each.person_id, []),
            recipient=each.organisation,
            classes=("referrer",),
            purpose="treatment",
            at=now(),
            part2=each.part2,
        )
        if consent is None or each.part2:
            told.append(handlers.Counted(each, "accepted"))
            continue
        site = programme.site(each.site_id)
        visits = kept.get(each.referral_id, ()) if each.last_kept_at else ()
        left = Left(discharged_on=each.discharged_on, site=site, kept=visits)
        told.append(handlers.Counted(each, how(left, now=now()), consent.consent_id))
    return told
