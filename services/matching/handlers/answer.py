"""What a supporter's yes, no, or silence does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.handlers.match import ONE_DECISION_AT_A_TIME
from services.matching.rules.offers import Offer, match_id
from services.matching.rules.policy import Policy
from services.matching.rules.slots import common_slots, way_to_meet
from services.matching.rules.supporter import one_to_one
from services.matching.store import offers, referrals, supporters
from shared.calendar import add_business_days
from shared.clock import now
from shared.database import lock
from shared.events.matching import DeclineCode, MatchMade, OfferExpired, OfferFellDue, RoomFreed
from shared.mailbox import Later, Reply, Said
from shared.programme import Programme
from shared.work import close_task, open_task

ANSWERED_BY_A_MATCH = ("match_review", "bridge_missing", "offers_exhausted")


class NoSuchOffer(Exception):
    """There is no such offer, or it is not for this organisation's supporters."""


class OfferIsOver(Exception):
    """The offer was answered otherwise, ran out or was taken back; `state` says which."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a supporter answers; `code` says why when they decline, `by` who wrote it down."""

    offer_id: UUID
    organisation: str
    answer: Literal["accept", "decline"]
    code: DeclineCode | None = None
    by: str | None = None


async def answer(given: Answered, db: AsyncConnection, *, programme: Programme, policy: Policy) -> Reply:
    """This will make a match of a yes, and let the next be asked after a no; the same answer again changes nothing."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    found = await offers.offer(db, given.offer_id, organisation=given.organisation)
    if found is None:
        raise NoSuchOffer
    wanted: Literal["accepted", "declined"] = "accepted" if given.answer == "accept" else "declined"
    if found.state == wanted:
        return Reply(told(found, wanted))
    if found.state != "open":
        raise OfferIsOver(found.state)
    await offers.close(db, found.offer_id, wanted, at=now(), by=given.by, code=given.code)
    if wanted == "accepted":
        return Reply(told(found, wanted), await _match(db, found, programme=programme, policy=policy))
    await _lose(db, found, programme=programme, policy=policy)
    return Reply(told(found, wanted), found.declined(given.code or "time"))


def told(offer: Offer, state: str) -> dict[str, Any]:
    """This will say what became of an offer."""
    answered = {"offer_id": str(offer.offer_id), "referral_id": str(offer.referral_id), "state": state}
    return {**answered, "match_id": str(match_id(offer.offer_id))} if state == "accepted" else answered


async def expire(
    due: OfferFellDue, db: AsyncConnection, *, programme: Programme, policy: Policy
) -> OfferExpired | None:
    """This will let the next be asked when a supporter has not answered in time."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    found = await offers.offer(db, due.offer_id)
    if found is None or not await offers.close(db, due.offer_id, "expired", at=now()):
        return None
    await _lose(db, found, programme=programme, policy=policy)
    return found.expired()


async def _match(db: AsyncConnection, offer: Offer, *, programme: Programme, policy: Policy) -> list[Said]:
    at = now()
    made = await offers.match(db, offer, at=at)
    await referrals.move_to(db, offer.referral_id, "matched")
    for kind in ANSWERED_BY_A_MATCH:
        await close_task(db, kind=kind, about=str(offer.referral_id), by="matching")
    settled = RoomFreed(supporter_id=offer.supporter_id, site_id=await _site(db, offer.supporter_id))
    due = at + timedelta(days=policy.new_for_days)
    fact = await _match_made(db, offer, made, programme=programme, at=at)
    return [fact, Later(settled, due=due, key=f"settled {made}")]


async def _site(db: AsyncConnection, supporter_id: UUID) -> str:
    return (await supporters.supporters_by_id(db, [supporter_id]))[supporter_id].supporter.site_id


async def _match_made(
    db: AsyncConnection, offer: Offer, match: UUID, *, programme: Programme, at: datetime
) -> MatchMade:
    """This will say who belongs together, with the times both have free, best first."""
    person = (await referrals.some(db, [offer.referral_id]))[offer.referral_id].seeker
    other = (await supporters.supporters_by_id(db, [offer.supporter_id]))[offer.supporter_id].candidate()
    return MatchMade(
        match_id=match,
        offering_id=one_to_one(offer.supporter_id),
        person_id=person.person_id,
        referral_id=offer.referral_id,
        supporter_id=offer.supporter_id,
        site_id=programme.site(person.site_id).site_id,
        zone=person.zone,
        urgency=person.urgency,
        modality=way_to_meet(person, other),
        slots=common_slots(person, other, now=at),
        made_at=at,
    )


async def _lose(db: AsyncConnection, offer: Offer, *, programme: Programme, policy: Policy) -> None:
    """This will give the room back, and put a task before a person when too many offers were lost."""
    await supporters.add_load(db, {offer.supporter_id: -offer.counts})
    await referrals.lose_offer(db, offer.referral_id)
    found = (await referrals.some(db, [offer.referral_id]))[offer.referral_id]
    if found.seeker.lost_offers >= policy.lost_offers_before_a_person_looks:
        due = add_business_days(programme.site(found.seeker.site_id), now(), 1)
        await open_task(db, kind="offers_exhausted", about=str(offer.referral_id), owner="matching", due=due)
