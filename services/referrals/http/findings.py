"""What the programme's own people say of a referral: what they found, until when it has time, and why it ends."""

from datetime import date
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.referrals import handlers
from services.referrals.edge import Edge
from services.referrals.http.route import Here
from services.referrals.rules.journey import State
from services.referrals.rules.order import Reach, email, phone
from services.referrals.rules.seeing import Closing
from shared.callers import Agency
from shared.edge import Problem, StrictRoute
from shared.events.fact import Instant

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


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


class ContactBody(Body):
    """How the person agreed to be reached, and who learnt it; a number with its country code, or a US one."""

    by: Name
    phone: Annotated[str, Field(max_length=40)] | None = None
    texts: bool = True
    email: Annotated[str, Field(max_length=200)] | None = None


class DetailsBody(ContactBody):
    """What was missing, and who learnt it."""

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


class ClockBody(Body):
    """Until when the owner has time, who says so, and why."""

    by: Name
    reason: Words
    until: Instant


class ClosureBody(Body):
    """Who closes a referral, and why; the note stays at the programme."""

    by: Name
    reason: Closing
    note: Words | None = None


class StateNow(BaseModel):
    """Where a referral stands now."""

    referral_id: UUID
    state: State


def not_found() -> Problem:
    """This will say that there is no such referral, or none that the caller may see."""
    return Problem(404, "No such referral", where="path referral_id", remedy="ask for one you may see")


def nobody() -> Problem:
    """This will say that there is no such person."""
    return Problem(404, "No such person", where="path person_id", remedy="take person_id from GET /referrals/{id}")


router = APIRouter(prefix="/referrals", route_class=StrictRoute, tags=["people"])


@router.post("/{referral_id}/screening")
async def screening(referral_id: UUID, body: ScreeningBody, _: Agency, edge: Here) -> StateNow:
    """Say what you found when you looked at the risk; only you, by name, can let a referral go on."""
    value = handlers.Screening(referral_id=referral_id, by=body.by, reason=body.reason, outcome=body.outcome)
    return await found(edge, handlers.screen, value, referral_id)


@router.post("/{referral_id}/acknowledgement")
async def acknowledgement(referral_id: UUID, body: AcknowledgedBody, _: Agency, edge: Here) -> StateNow:
    """Take a danger sign in hand, by name: nobody else is paged about it, and you phone."""
    return await found(edge, handlers.acknowledge, (referral_id, body.by), referral_id)


@router.post("/{referral_id}/details")
async def details(referral_id: UUID, body: DetailsBody, _: Agency, edge: Here) -> StateNow:
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
    return await found(edge, handlers.learn, value, referral_id)


@router.post("/{referral_id}/consent-revoked")
async def consent_revoked(referral_id: UUID, body: RevokedBody, _: Agency, edge: Here) -> dict[str, int]:
    """End the person's consents from now on, also those of a referral still held; what was told stays told."""
    try:
        ended: int = await edge.run(partial(handlers.revoke, programme=edge.programme), (referral_id, body.by))
    except handlers.Unknown:
        raise not_found() from None
    return {"ended": ended}


@router.post("/{referral_id}/contact")
async def contact(referral_id: UUID, body: ContactBody, _: Agency, edge: Here) -> StateNow:
    """Say how the person is reached from now on, instead of all that was known: nothing else is written to."""
    reaches = _reaches(body)
    if not reaches:
        raise Problem(422, "Nobody could be reached so", where="body", remedy="give a phone, an email, or both")
    value = handlers.Contacting(referral_id=referral_id, by=body.by, reaches=reaches)
    return await found(edge, handlers.reach, value, referral_id)


@router.post("/{referral_id}/clock")
async def clock(referral_id: UUID, body: ClockBody, _: Agency, edge: Here) -> StateNow:
    """Give the owner of a referral until another moment, 60 days ahead at most, and say why."""
    value = handlers.Setting(referral_id=referral_id, by=body.by, reason=body.reason, until=body.until)
    try:
        return await found(edge, handlers.set_clock, value, referral_id)
    except handlers.NotThen:
        remedy = "name a moment to come, 60 days ahead at most"
        raise Problem(422, "The clock cannot be set to then", where="body.until", remedy=remedy) from None


@router.post("/{referral_id}/closure")
async def closure(referral_id: UUID, body: ClosureBody, _: Agency, edge: Here) -> StateNow:
    """End a referral for a reason, where nobody walks beside the person; who referred hears it if they may."""
    value = handlers.Ending(referral_id=referral_id, by=body.by, reason=body.reason, note=body.note)
    try:
        return await found(edge, handlers.close, value, referral_id)
    except handlers.NotPointed:
        remedy = f"point the person to something first: POST /referrals/{referral_id}/pointers"
        raise Problem(409, "The person was pointed to nothing", where="body.reason", remedy=remedy) from None


async def found(edge: Edge, handler: Any, value: Any, referral_id: UUID) -> StateNow:
    """This will let a handler do what somebody asked of a referral, and say where it stands then."""
    try:
        state: State = await edge.run(partial(handler, programme=edge.programme), value)
    except handlers.Unknown:
        raise not_found() from None
    except handlers.NotWaiting:
        remedy = "see GET /referrals for what waits for a person"
        raise Problem(409, "The referral does not wait for this", where="path referral_id", remedy=remedy) from None
    return StateNow(referral_id=referral_id, state=state)


def _reaches(body: ContactBody) -> tuple[Reach, ...]:
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
