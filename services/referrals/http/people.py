"""For the programme's own people: what waits for them, and what they found; referrers may read their timelines."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.referrals import handlers, store
from services.referrals.edge import Edge
from services.referrals.http.directory import PointerShown, pointers_shown
from services.referrals.http.findings import StateNow, not_found
from services.referrals.http.findings import router as findings
from services.referrals.http.route import unhurried
from services.referrals.rules import journey
from services.referrals.rules.clock import OWNERS, Owner, Step
from services.referrals.rules.journey import State
from services.referrals.rules.order import Reach
from services.referrals.rules.scopes import lets
from shared.callers import Agency, Caller
from shared.clock import now
from shared.consents import consents_of
from shared.disclosure import may_disclose
from shared.edge import Problem, StrictRoute, add_routes

ALWAYS_SEEN = {
    "received",
    "crisis_raised",
    "crisis_review",
    "needs_screen",
    "needs_info",
    "details_given",
    "accepted",
    "refused",
    "withdrawn",
    "entered_in_error",
    "asked_again",
}
WITH_CONSENT = {*journey.EVENTS, "closed", "clock_set"} - {"missed", "series_not_booked"}
"""What a referrer may read of a timeline, always and where the person agreed: nothing else."""


class Record(StateNow):
    """What somebody who must act on a referral needs to know; `referred_as` is the referrer's own number.

    `owner` must do what it `awaits` by `act_by`; none of them is there where the referral is over. `pointers` are what
    the person was pointed to. With `test` an organisation for tests referred: there is no such person.
    """

    owner: Owner | None
    awaits: Step | None
    act_by: datetime | None
    person_id: UUID
    reasons: list[str]
    organisation: str
    referred_as: str | None
    first_name: str | None
    family_name: str | None
    birth_date: date | None
    languages: list[str]
    reaches: list[Reach]
    risk: str | None
    notes: list[str]
    pointers: list[PointerShown]
    test: bool


class Page(BaseModel):
    """A page of a list; `after` begins the next, and is missing on the last."""

    referrals: list[StateNow]
    after: UUID | None = None


class EntryShown(BaseModel):
    """One line of a timeline; `about` is the moment it is about, such as a visit."""

    what: str
    at: datetime
    about: datetime | None = None


def people_routes(edge: Edge) -> APIRouter:
    """This will serve /referrals."""
    router = APIRouter(prefix="/referrals", route_class=StrictRoute, tags=["people"])
    _add_list(router, edge)
    _add_timeline(router, edge)
    _add_record(router, edge)
    add_routes(router, findings)
    return router


def _add_list(router: APIRouter, edge: Edge) -> None:
    @router.get("")
    async def referrals(
        _: Agency,
        state: State | None = None,
        organisation: Annotated[str | None, Query(max_length=40)] = None,
        overdue: bool = False,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> Page:
        """Ids and states, in order of id; `overdue` are those whose clock has run out.

        Those of organisations for tests are listed only where one is named, and never as overdue.
        """
        late = now() if overdue else None
        async with edge.database.reading() as db:
            found = await store.listed(db, state=state, organisation=organisation, late=late, after=after, limit=limit)
        shown = [StateNow(referral_id=referral_id, state=each) for referral_id, each in found]
        return Page(referrals=shown, after=shown[-1].referral_id if len(shown) == limit else None)


def _add_timeline(router: APIRouter, edge: Edge) -> None:
    @router.get("/{referral_id}/timeline")
    async def timeline(referral_id: UUID, caller: Annotated[Caller, Depends(unhurried)]) -> list[EntryShown]:
        """What happened to a referral, as far as the caller may know it."""
        staff = caller.organisation.kind == "agency"
        if caller.scopes is not None and (staff or not lets(caller.scopes, "Task", "r")):
            raise Problem(403, "Your token is not for this", remedy="ask for a token with the scope system/Task.r")
        async with edge.database.reading() as db:
            referral = await store.by_id(db, referral_id, None if staff else caller.organisation_id)
            if referral is None:
                raise not_found()
            entries = await store.entries_of(db, referral_id)
            allowed = may_disclose(
                await consents_of(db, referral.person_id),
                recipient=caller.organisation_id,
                classes=("referrer",),
                purpose="treatment",
                at=now(),
                part2=referral.part2,
            )
        full = bool(allowed and not referral.part2)
        if not staff:
            consent_id = allowed.consent_id if allowed and full else None
            told = handlers.Told(referral, {}, "timeline" if full else "received", consent_id)
            await edge.tell([told], way="timeline")
        return [_shown(each) for each in entries if staff or _may_see(each, full=full)]


def _add_record(router: APIRouter, edge: Edge) -> None:
    @router.get("/{referral_id}")
    async def record(referral_id: UUID, staff: Agency) -> Record:
        """Whom to call and why, for whoever must act; that it was looked at is written down."""
        try:
            referral: store.Referral = await edge.run(handlers.look, (referral_id, staff.organisation_id))
        except handlers.Unknown:
            raise not_found() from None
        order = referral.order
        shown = order.person.model_dump(include={"first_name", "family_name", "birth_date", "languages", "reaches"})
        return Record(
            referral_id=referral_id,
            state=referral.state,
            person_id=referral.person_id,
            owner=OWNERS[referral.awaits] if referral.awaits else None,
            awaits=referral.awaits,
            act_by=referral.act_by,
            reasons=list(referral.reasons),
            organisation=referral.organisation,
            referred_as=order.identifier.value if order.identifier else None,
            risk=order.risk,
            notes=order.notes,
            pointers=await pointers_shown(edge, referral_id),
            test=referral.test,
            **shown,
        )


def _may_see(entry: store.Entry, *, full: bool) -> bool:
    if entry.what in journey.KEPT and entry.about is None:
        return False  # It was missed after all.
    return entry.what in ALWAYS_SEEN or (full and entry.what in WITH_CONSENT)


def _shown(entry: store.Entry) -> EntryShown:
    return EntryShown(what=entry.what, at=entry.at, about=entry.about)
