"""For the programme's own people: what somebody agreed to, and the accounting of what was told about them."""

import csv
import io
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from services.referrals import handlers, store
from services.referrals.edge import Edge
from services.referrals.http.findings import Body, Name, nobody
from services.referrals.rules.order import Agreed, Purpose
from services.referrals.rules.reports import Ground
from shared.callers import Agency
from shared.disclosure import Consent
from shared.edge import Problem, StrictRoute
from shared.events.fact import Instant
from shared.programme import OrganisationId, Programme

CSV = "text/csv; charset=utf-8"
COLUMNS = (
    "recipient", "name", "way", "what", "purpose", "part2", "consent_id", "referral_id", "first_at", "last_at", "times",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula at the beginning of a cell."""


class Disclosed(BaseModel):
    """What an organisation was told about somebody, how, on which consent, and when it was told first and last."""

    recipient: str
    name: str
    way: str
    what: str
    purpose: str
    part2: bool
    consent_id: UUID | None
    referral_id: UUID
    first_at: datetime
    last_at: datetime
    times: int


class ConsentShown(BaseModel):
    """One version of what somebody agreed to: it is never changed, only taken back."""

    consent_id: UUID
    discloser: str
    recipients: list[str]
    purposes: list[str]
    part2: bool
    scope: str
    signed_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class Reported(BaseModel):
    """What somebody at the programme told without a consent, on what ground, and when."""

    ground: Ground
    by: str
    recipient: str
    nature: str
    at: datetime

    def disclosed(self) -> dict[str, Any]:
        """This will give it as a line of the table."""
        when = self.model_dump(mode="json")["at"]
        told = {"name": self.recipient, "way": "person", "what": self.nature, "purpose": self.ground}
        return told | {"first_at": when, "last_at": when, "times": 1}


class Account(BaseModel):
    """Everything that was told about somebody, by a consent and without, and every version of what they agreed to."""

    person_id: UUID
    consents: list[ConsentShown]
    disclosures: list[Disclosed]
    reports: list[Reported]


class ConsentBody(Body):
    """What was signed, by whom, where it is kept, and which version it replaces; who writes that down says who told it.

    Recipients are organisation ids, or `referrer`, `payer`, `supporter`, `treating_providers`.
    """

    by: Name
    signed_by: Literal["self", "guardian", "both"]
    recipients: Annotated[list[OrganisationId | Literal["treating_providers"]], Field(min_length=1, max_length=50)]
    purposes: Annotated[list[Purpose], Field(min_length=1, max_length=3)]
    part2: bool = False
    scope: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    document: Name
    signed_at: Instant
    expires_at: Instant | None = None
    replaces: UUID | None = None


class Kept(BaseModel):
    """The consent that was kept."""

    consent_id: UUID


def consent_routes(edge: Edge) -> APIRouter:
    """This will serve /people."""
    router = APIRouter(prefix="/people/{person_id}", route_class=StrictRoute, tags=["consent"])

    @router.get("/disclosures", response_model=Account)
    async def disclosures(
        person_id: UUID, staff: Agency, format: Literal["json", "csv"] = "json"
    ) -> Account | Response:
        """Who was told what about a person, when and on which consent; that it was asked for is written down."""
        try:
            told: handlers.Accounting = await edge.run(handlers.account, (person_id, staff.organisation_id))
        except handlers.NobodyKnown:
            raise nobody() from None
        shown = [_disclosed(each, edge.programme) for each in told.disclosures]
        reports = [Reported(**{name: getattr(each, name) for name in Reported.model_fields}) for each in told.reports]
        if format == "csv":
            rows = [each.model_dump(mode="json") for each in shown] + [each.disclosed() for each in reports]
            return Response(_table(rows), media_type=CSV)
        consents = [_shown(each) for each in told.consents]
        return Account(person_id=person_id, consents=consents, disclosures=shown, reports=reports)

    @router.post("/consents", status_code=201)
    async def consents(person_id: UUID, body: ConsentBody, _: Agency) -> Kept:
        """Keep what a person signed; with `replaces`, the earlier version ends at the same moment."""
        try:
            kept = await edge.run(partial(handlers.agree, programme=edge.programme), _consenting(person_id, body))
        except handlers.NobodyKnown:
            raise nobody() from None
        except handlers.NotInForce:
            remedy = "name the version in force, of this person; what was taken back is signed anew"
            raise Problem(409, "That consent is not in force", where="body", remedy=remedy) from None
        except handlers.MayNotAgree:
            remedy = "in their state a parent or guardian signs for a minor, or only the person themselves may"
            raise Problem(422, "Somebody else must sign", where="body.signed_by", remedy=remedy) from None
        return Kept(consent_id=kept)

    return router


def _consenting(person_id: UUID, body: ConsentBody) -> handlers.Consenting:
    said = body.model_dump(exclude={"by", "signed_by", "document", "replaces"})
    return handlers.Consenting(
        person_id=person_id,
        by=body.by,
        signed_by=body.signed_by,
        agreed=Agreed(**said),
        document=body.document,
        replaces=body.replaces,
    )


def _disclosed(each: store.Accounted, programme: Programme) -> Disclosed:
    known = programme.organisations.get(each.recipient)
    told = {name: getattr(each, name) for name in COLUMNS if name != "name"}
    return Disclosed(name=known.name if known else each.recipient, **told)


def _shown(each: Consent) -> ConsentShown:
    told = {name: getattr(each, name) for name in ConsentShown.model_fields}
    return ConsentShown(**told | {"recipients": sorted(each.recipients), "purposes": sorted(each.purposes)})


def _table(shown: list[dict[str, Any]]) -> str:
    """This will write an accounting as CSV (RFC 4180), for a person to be given."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    for each in shown:
        rows.writerow([_cell(each.get(name)) for name in COLUMNS])
    return written.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
