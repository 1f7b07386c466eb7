"""Takes in supporters and offerings, by HTTP and from the bus; the same again changes nothing."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.handlers.bridge import bridge
from services.matching.handlers.match import ONE_DECISION_AT_A_TIME
from services.matching.rules.offering import Offering
from services.matching.rules.policy import Policy
from services.matching.rules.supporter import Registration, Supporter, digest, to_do
from services.matching.store import offerings, referrals, refusals, supporters
from services.matching.store.offerings import Listed
from services.matching.store.supporters import Registered
from shared import strict_json
from shared.clock import now
from shared.database import lock
from shared.events.matching import RoomFreed, SupporterRegistered
from shared.mailbox import Ingested, Reply, Said, Status
from shared.places import wrongs
from shared.programme import Programme
from shared.sealed import lookup


class Refused(Exception):
    """What was told cannot be taken; `errors` name places in it and remedies, `taken` says that the id is another's."""

    def __init__(self, *errors: dict[str, str], taken: bool = False) -> None:
        super().__init__("refused")
        self.errors, self.taken = list(errors), taken


@dataclass(frozen=True, kw_only=True)
class SupporterTold:
    """A supporter as an organisation registers them."""

    organisation: str
    supporter_id: UUID
    supporter: Supporter


@dataclass(frozen=True, kw_only=True)
class OfferingTold:
    """An offering as an organisation registers it."""

    organisation: str
    offering_id: UUID
    offering: Offering


async def register_supporter(
    told: SupporterTold, db: AsyncConnection, *, programme: Programme, policy: Policy
) -> Reply:
    """This will keep what a supporter told, say so when it is news, and that there is room when there is."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    _check_site(told.supporter.site_id, programme)
    before = await supporters.supporter(db, told.supporter_id)
    if before and before.organisation != told.organisation:
        raise Refused({"where": "supporter_id", "remedy": "this id is taken; choose another"}, taken=True)
    after = _registered(told, before, programme=programme, policy=policy)
    news = before is None or (before.digest, before.exclusions) != (after.digest, after.exclusions)
    if news:
        await supporters.keep(db, after)
    outcome = "registered" if before is None else "changed" if news else "known"
    return Reply({"outcome": outcome, **shown(after, policy=policy)}, _said(after) if news else [])


def _check_site(site_id: str, programme: Programme) -> None:
    if site_id not in programme.sites:
        known = ", ".join(sorted(programme.sites))
        raise Refused({"where": "site_id", "remedy": f"unknown site; use one of: {known}"})


def _registered(told: SupporterTold, before: Registered | None, *, programme: Programme, policy: Policy) -> Registered:
    supporter = told.supporter
    kept = before.exclusions if before else frozenset()
    sent = supporter.exclusions
    zone = supporter.zone or programme.site(supporter.site_id).zone
    return Registered(
        supporter_id=told.supporter_id,
        organisation=told.organisation,
        supporter=supporter,
        zone=zone,
        digest=digest(supporter, zone),
        exclusions=kept if sent is None else frozenset(lookup("person", str(each)) for each in sent),
        held=before.held if before else 0,
        ceiling=supporter.ceiling(policy),
        changed_at=now(),
    )


def _said(known: Registered) -> list[Said]:
    supporter = known.supporter
    credential = supporter.credential
    fact = SupporterRegistered(
        supporter_id=known.supporter_id,
        public_name=supporter.public_name,
        site_id=supporter.site_id,
        zone=known.zone,
        modalities=supporter.modalities,
        windows=supporter.windows,
        active=supporter.active and not supporter.paused,
        npi=supporter.npi,
        credential=f"{credential.state} {credential.number}" if credential else None,
        credential_to=credential.valid_to.isoformat() if credential else None,
        networks=supporter.networks,
        volunteer=supporter.volunteer,
    )
    room = fact.active and known.held < supporter.cap
    return [fact, RoomFreed(supporter_id=known.supporter_id, site_id=supporter.site_id)] if room else [fact]


def shown(known: Registered, *, policy: Policy) -> dict[str, Any]:
    """This will show a supporter to their organisation: all but the exclusions, which nobody reads back."""
    missing = to_do(known.supporter, now().date(), policy=policy)
    return {
        "supporter_id": str(known.supporter_id),
        "caseload": known.held / 10,
        "to_do": missing,
        "supporter": {**known.supporter.model_dump(mode="json"), "zone": known.zone},
    }


async def supporter_posted(
    posted: Ingested, db: AsyncConnection, *, programme: Programme, policy: Policy
) -> list[Said]:
    """This will register a supporter posted on the bus, and tell the organisation what became of it."""
    try:
        told = _read(posted, programme)
        done = await register_supporter(told, db, programme=programme, policy=policy)
    except Refused as refused:
        return [await _refuse(posted, refused.errors, db)]
    said = done.said if isinstance(done.said, list) else []
    body = {"status": "accepted", "message_id": posted.reference or posted.message_id}
    told_back = {name: done.answer[name] for name in ("supporter_id", "outcome", "to_do")}
    return [*said, _status(posted, str(told.supporter_id), {**body, **told_back})]


def _read(posted: Ingested, programme: Programme) -> SupporterTold:
    """This will read a posting; Refused names every place that is wrong."""
    organisation = programme.organisations.get(posted.organisation)
    if organisation is None or organisation.kind != "agency":
        raise Refused({"where": "", "remedy": "only organisations of kind agency register supporters"})
    try:
        found = Registration.model_validate(strict_json.parse(posted.body))
    except strict_json.Malformed as wrong:
        raise Refused({"where": wrong.where.removeprefix("$").removeprefix("."), "remedy": wrong.remedy}) from None
    except ValidationError as wrong:
        raise Refused(*wrongs(wrong.errors())) from None
    if found.supporter_id is None:
        raise Refused({"where": "supporter_id", "remedy": "send the supporter's id, a UUID of your own choice"})
    return SupporterTold(organisation=posted.organisation, supporter_id=found.supporter_id, supporter=found.told())


async def _refuse(posted: Ingested, found: list[dict[str, str]], db: AsyncConnection) -> Status:
    errors = [{**each, "where": f"$.{each['where']}".rstrip(".")} for each in found]
    await refusals.refuse(
        db,
        message_id=posted.message_id,
        organisation=posted.organisation,
        kind=posted.kind,
        errors=errors,
        at=now(),
    )
    about = posted.reference or posted.message_id
    return _status(posted, about, {"status": "refused", "message_id": about, "errors": errors})


def _status(posted: Ingested, about: str, body: dict[str, Any]) -> Status:
    return Status(organisation=posted.organisation, kind=posted.kind, about=about, body=body)


async def register_offering(told: OfferingTold, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will keep an offering that people can join."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    _check_site(told.offering.site_id, programme)
    before = await offerings.offering(db, told.offering_id)
    if before and before.organisation != told.organisation:
        raise Refused({"where": "offering_id", "remedy": "this id is taken; choose another"}, taken=True)
    after = Listed(
        offering_id=told.offering_id,
        organisation=told.organisation,
        offering=told.offering,
        digest=digest(told.offering),
    )
    news = before is None or before.digest != after.digest
    if news:
        await offerings.keep(db, after, at=now())
    outcome = "registered" if before is None else "changed" if news else "known"
    answer = {"outcome": outcome, "offering_id": str(told.offering_id), **told.offering.model_dump(mode="json")}
    return Reply(answer, await _reach(db, told.offering.site_id, programme) if news else [])


async def _reach(db: AsyncConnection, site_id: str, programme: Programme) -> list[Said]:
    """This will offer what opened at a site to those who wait there with nothing."""
    waiting = [each for each in await referrals.who_waits(db) if each.waitlisted_at and not each.bridged]
    return await bridge(db, [each for each in waiting if each.seeker.site_id == site_id], programme, at=now())
