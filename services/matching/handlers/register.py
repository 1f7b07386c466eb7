"""Takes in supporters and offerings, by HTTP and from the bus; the same again changes nothing."""

from collections.abc import Sequence
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
from services.matching.store.refusals import Refusal
from services.matching.store.supporters import Registered
from shared import strict_json
from shared.clock import now
from shared.database import lock
from shared.events.matching import RoomFreed, SupporterRegistered
from shared.mailbox import Ingested, Reply, Said, Status
from shared.places import wrongs
from shared.programme import POSTS, Programme
from shared.sealed import lookup


@dataclass(frozen=True)
class Refused:
    """What was told cannot be taken; `errors` name places in it and remedies, `taken` says that the id is another's."""

    errors: list[dict[str, str]]
    taken: bool = False

    @classmethod
    def at(cls, where: str, remedy: str, *, taken: bool = False) -> "Refused":
        """This will refuse what is wrong at one place."""
        return cls([{"where": where, "remedy": remedy}], taken)


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


Done = tuple[dict[str, Any] | Refused, list[Said]]
"""What a registration is answered, and what is said of it."""


async def register_supporters(
    told: Sequence[SupporterTold], db: AsyncConnection, *, programme: Programme, policy: Policy
) -> list[Reply]:
    """This will keep what supporters told, say what is news, and that there is room where there is."""
    return [Reply(*each) for each in await _register(told, db, programme=programme, policy=policy)]


async def _register(
    told: Sequence[SupporterTold], db: AsyncConnection, *, programme: Programme, policy: Policy
) -> list[Done]:
    await lock(db, ONE_DECISION_AT_A_TIME)
    known = await supporters.supporters_by_id(db, [each.supporter_id for each in told])
    news: dict[UUID, Registered] = {}
    done = [_registered(each, known, news, programme=programme, policy=policy) for each in told]
    await supporters.keep(db, news.values())
    return done


def _registered(
    told: SupporterTold,
    known: dict[UUID, Registered],
    news: dict[UUID, Registered],
    *,
    programme: Programme,
    policy: Policy,
) -> Done:
    """This will answer one, and put what is news among what is known, for those who come after."""
    before, site_id = known.get(told.supporter_id), told.supporter.site_id
    if site_id not in programme.sites:
        return _unknown_site(programme), []
    if strangers := _no_hosts(told.supporter, programme):
        return Refused(strangers), []
    if before and before.organisation != told.organisation:
        return _another_s("supporter_id"), []
    after = _changed(told, before, programme=programme, policy=policy)
    if before and (before.digest, before.exclusions) == (after.digest, after.exclusions):
        return {"outcome": "known", **shown(after, policy=policy)}, []
    known[told.supporter_id] = news[told.supporter_id] = after
    return {"outcome": "changed" if before else "registered", **shown(after, policy=policy)}, _said(after)


def _unknown_site(programme: Programme) -> Refused:
    return Refused.at("site_id", f"unknown site; use one of: {', '.join(sorted(programme.sites))}")


def _no_hosts(supporter: Supporter, programme: Programme) -> list[dict[str, str]]:
    """This will list the hosts that could never say who came."""
    possible = [
        each.organisation_id
        for each in programme.organisations.values()
        if "attendance" in POSTS[each.kind] and not each.test
    ]
    remedy = f"name organisations that hold sessions: {', '.join(sorted(possible))}"
    wrong = (place for place, each in enumerate(supporter.hosts) if each not in possible)
    return [{"where": f"hosts[{place}]", "remedy": remedy} for place in wrong]


def _another_s(place: str) -> Refused:
    return Refused.at(place, "this id is taken; choose another", taken=True)


def _changed(told: SupporterTold, before: Registered | None, *, programme: Programme, policy: Policy) -> Registered:
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
        organisation=known.organisation,
        hosts=supporter.hosts,
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


async def supporters_posted(
    posted: Sequence[Ingested], db: AsyncConnection, *, programme: Programme, policy: Policy
) -> list[Said]:
    """This will register supporters posted on the bus, and tell the organisations what became of them."""
    read = [_read(each, programme) for each in posted]
    told = [each for each in read if isinstance(each, SupporterTold)]
    done = iter(await _register(told, db, programme=programme, policy=policy))
    became = [(each, []) if isinstance(each, Refused) else next(done) for each in read]
    pairs = list(zip(posted, became, strict=True))
    refused = [_refusal(post, found) for post, (found, _) in pairs if isinstance(found, Refused)]
    await refusals.refuse(db, refused, at=now())
    return [each for post, (found, said) in pairs for each in (*said, _status(post, found))]


def _read(posted: Ingested, programme: Programme) -> SupporterTold | Refused:
    """This will read a posting; Refused names every place that is wrong."""
    organisation = programme.organisations.get(posted.organisation)
    if organisation is None or organisation.kind != "agency":
        return Refused.at("", "only organisations of kind agency register supporters")
    try:
        found = Registration.model_validate(strict_json.parse(posted.body))
    except strict_json.Malformed as wrong:
        return Refused.at(wrong.where.removeprefix("$").removeprefix("."), wrong.remedy)
    except ValidationError as wrong:
        return Refused(wrongs(wrong.errors()))
    if found.supporter_id is None:
        return Refused.at("supporter_id", "send the supporter's id, a UUID of your own choice")
    return SupporterTold(organisation=posted.organisation, supporter_id=found.supporter_id, supporter=found.told())


def _errors(refused: Refused) -> list[dict[str, str]]:
    return [{**each, "where": f"$.{each['where']}".rstrip(".")} for each in refused.errors]


def _refusal(posted: Ingested, refused: Refused) -> Refusal:
    ids = {"message_id": posted.message_id, "organisation": posted.organisation}
    return Refusal(**ids, kind=posted.kind, errors=_errors(refused))


def _status(posted: Ingested, found: dict[str, Any] | Refused) -> Status:
    """This will tell an organisation what became of its posting."""
    if isinstance(found, Refused):
        return posted.told({"status": "refused", "message_id": posted.known_as, "errors": _errors(found)})
    told = {name: found[name] for name in ("supporter_id", "outcome", "to_do")}
    return posted.told({"status": "accepted", "message_id": posted.known_as, **told}, about=told["supporter_id"])


async def register_offering(told: OfferingTold, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will keep an offering that people can join; what cannot be taken is answered by `Refused`."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    if told.offering.site_id not in programme.sites:
        return Reply(_unknown_site(programme))
    before = await offerings.offering(db, told.offering_id)
    if before and before.organisation != told.organisation:
        return Reply(_another_s("offering_id"))
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
