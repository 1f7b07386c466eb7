"""For the programme's own people: what waits for them, and what they found; referrers may read their timelines."""

from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.referrals import handlers, store
from services.referrals.edge import Edge
from services.referrals.rules.journey import State
from services.referrals.rules.order import Reach, email, phone
from services.referrals.rules.scopes import lets
from shared.callers import Agency, Caller, known
from shared.clock import now
from shared.consents import consents_of
from shared.disclosure import may_disclose
from shared.edge import Problem, StrictRoute
from shared.mailbox import Run
from shared.programme import Programme

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
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
}
NOT_FOR_REFERRERS = {
    "looked_at",
    "paged",
    "acknowledged",
    "risk_found",
    "risk_cleared",
    "consent_revoked",
    "consent_given",
    "accounted_for",
    "guardian_asked",
    "missed",
    "series_not_booked",
}


class Body(BaseModel):
    """What somebody at the programme says."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ScreeningBody(Body):
    """Who looked at the risk, what they found, and why they say so."""

    by: Name
    reason: Words
    outcome: Literal["clear", "risk"]


class GuardianBody(Body):
    """The parent or guardian who was asked whether a minor may have peer support, and what they said."""

    name: Name
    relationship: Name
    agreed: bool


class DetailsBody(Body):
    """What was missing, and who learnt it; a number with its country code, or a US one."""

    by: Name
    phone: Annotated[str, Field(max_length=40)] | None = None
    texts: bool = True
    email: Annotated[str, Field(max_length=200)] | None = None
    birth_date: date | None = None
    deceased: bool | None = None
    still_wanted: bool | None = None
    guardian: GuardianBody | None = None


class AcknowledgedBody(Body):
    """Who takes a danger sign in hand."""

    by: Name


class RevokedBody(Body):
    """Who was told that the person takes their consents back."""

    by: Name


class StateNow(BaseModel):
    """Where a referral stands now."""

    referral_id: UUID
    state: State


class Record(StateNow):
    """What somebody who must act on a referral needs to know; `referred_as` is the referrer's own number.

    With `test` an organisation for tests referred: there is no such person.
    """

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
    _add_lists(router, edge)
    _add_record(router, edge.run)
    _add_findings(router, edge.run, edge.programme)
    return router


def _add_lists(router: APIRouter, edge: Edge) -> None:
    @router.get("")
    async def referrals(
        _: Agency,
        state: State | None = None,
        organisation: Annotated[str | None, Query(max_length=40)] = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> Page:
        """Ids and states, in order of id; those of organisations for tests only where one is named."""
        async with edge.database.reading() as db:
            found = await store.listed(db, state=state, organisation=organisation, after=after, limit=limit)
        shown = [StateNow(referral_id=referral_id, state=each) for referral_id, each in found]
        return Page(referrals=shown, after=shown[-1].referral_id if len(shown) == limit else None)

    @router.get("/{referral_id}/timeline")
    async def timeline(referral_id: UUID, caller: Annotated[Caller, Depends(known)]) -> list[EntryShown]:
        """What happened to a referral, as far as the caller may know it."""
        staff = caller.organisation.kind == "agency"
        if caller.scopes is not None and (staff or not lets(caller.scopes, "Task", "r")):
            raise Problem(403, "Your token is not for this", remedy="ask for a token with the scope system/Task.r")
        async with edge.database.reading() as db:
            referral = await store.by_id(db, referral_id, None if staff else caller.organisation_id)
            if referral is None:
                raise _not_found()
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
        return [_shown(each) for each in entries if staff or _may_see(each.what, full=full)]


def _add_record(router: APIRouter, run: Run) -> None:
    @router.get("/{referral_id}")
    async def record(referral_id: UUID, staff: Agency) -> Record:
        """Whom to call and why, for whoever must act; that it was looked at is written down."""
        try:
            referral: store.Referral = await run(handlers.look, (referral_id, staff.organisation_id))
        except handlers.Unknown:
            raise _not_found() from None
        order = referral.order
        shown = order.person.model_dump(include={"first_name", "family_name", "birth_date", "languages", "reaches"})
        return Record(
            referral_id=referral_id,
            state=referral.state,
            person_id=referral.person_id,
            reasons=list(referral.reasons),
            organisation=referral.organisation,
            referred_as=order.identifier.value if order.identifier else None,
            risk=order.risk,
            notes=order.notes,
            test=referral.test,
            **shown,
        )


def _may_see(what: str, *, full: bool) -> bool:
    return what in ALWAYS_SEEN or (full and what not in NOT_FOR_REFERRERS)


def _shown(entry: store.Entry) -> EntryShown:
    return EntryShown(what=entry.what, at=entry.at, about=entry.about)


def _not_found() -> Problem:
    return Problem(404, "No such referral", where="path referral_id", remedy="ask for one you may see")


def _add_findings(router: APIRouter, run: Run, programme: Programme) -> None:
    @router.post("/{referral_id}/screening")
    async def screening(referral_id: UUID, body: ScreeningBody, _: Agency) -> StateNow:
        """Say what you found when you looked at the risk; only you, by name, can let a referral go on."""
        value = handlers.Screening(referral_id=referral_id, by=body.by, reason=body.reason, outcome=body.outcome)
        return await _found(run, partial(handlers.screen, programme=programme), value, referral_id)

    @router.post("/{referral_id}/acknowledgement")
    async def acknowledgement(referral_id: UUID, body: AcknowledgedBody, _: Agency) -> StateNow:
        """Take a danger sign in hand, by name: nobody else is paged about it, and you phone."""
        return await _found(run, handlers.acknowledge, (referral_id, body.by), referral_id)

    @router.post("/{referral_id}/details")
    async def details(referral_id: UUID, body: DetailsBody, _: Agency) -> StateNow:
        """Give what was missing about the person."""
        value = handlers.Details(
            referral_id=referral_id,
            by=body.by,
            reaches=_reaches(body),
            birth_date=body.birth_date,
            deceased=body.deceased,
            still_wanted=body.still_wanted,
            guardian=handlers.Guardian(**body.guardian.model_dump()) if body.guardian else None,
        )
        return await _found(run, partial(handlers.learn, programme=programme), value, referral_id)

    @router.post("/{referral_id}/consent-revoked")
    async def consent_revoked(referral_id: UUID, body: RevokedBody, _: Agency) -> dict[str, int]:
        """End the person's consents from now on, also those of a referral still held; what was told stays told."""
        try:
            ended: int = await run(partial(handlers.revoke, programme=programme), (referral_id, body.by))
        except handlers.Unknown:
            raise _not_found() from None
        return {"ended": ended}


async def _found(run: Run, handler: Any, value: Any, referral_id: UUID) -> StateNow:
    try:
        return StateNow(referral_id=referral_id, state=await run(handler, value))
    except handlers.Unknown:
        raise _not_found() from None
    except handlers.NotWaiting:
        remedy = "see GET /referrals for what waits for a person"
        raise Problem(409, "The referral does not wait for this", where="path referral_id", remedy=remedy) from None


def _reaches(body: DetailsBody) -> tuple[Reach, ...]:
    found = []
    if body.phone is not None:
        number = phone(body.phone)
        if number is None:
            raise Problem(422, "The number cannot be dialled", where="body.phone", remedy="write it as +1 555 010 0199")
        found.append(Reach(channel="sms" if body.texts else "voice", address=number))
    if body.email is not None:
        address = email(body.email)
        if address is None:
            raise Problem(422, "The address reaches nobody", where="body.email", remedy="write one e-mail address")
        found.append(Reach(channel="email", address=address))
    return tuple(found)
