"""What a supporter's yes, no, or silence does."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.handlers.match import ONE_DECISION_AT_A_TIME
from services.matching.rules.offers import Offer, OfferState, load_of, match_id
from services.matching.rules.people import Candidate, Seeker
from services.matching.rules.policy import Policy
from services.matching.rules.slots import common_slots, way_to_meet
from services.matching.rules.supporter import one_to_one
from services.matching.store import offers, referrals, supporters
from services.matching.store.offers import Closed
from shared.calendar import add_business_days
from shared.clock import now
from shared.database import lock
from shared.events.matching import DeclineCode, MatchMade, OfferExpired, OfferFellDue, RoomFreed
from shared.mailbox import Later, Reply, Said
from shared.programme import Programme
from shared.work import Asked, close_tasks, open_each

ANSWERED_BY_A_MATCH = ("match_review", "bridge_missing", "offers_exhausted")


@dataclass(frozen=True)
class Refused:
    """Why an answer changes nothing: `over` says how the offer ended otherwise, None that there is no such offer."""

    over: OfferState | None


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a supporter answers; `code` says why when they decline, `by` who wrote it down."""

    offer_id: UUID
    organisation: str
    answer: Literal["accept", "decline"]
    code: DeclineCode | None = None
    by: str | None = None

    @property
    def wanted(self) -> Literal["accepted", "declined"]:
        """This will say what an open offer becomes by this answer."""
        return "accepted" if self.answer == "accept" else "declined"


async def answer(
    given: Sequence[Answered], db: AsyncConnection, *, programme: Programme, policy: Policy
) -> list[Reply]:
    """This will make matches of what is a yes, and let the next be asked after a no; only the first answer counts.

    Each is told what became of the offer; whoever said what did not become of it gets `Refused`.
    """
    await lock(db, ONE_DECISION_AT_A_TIME)
    found = await offers.of_agencies(db, [each.offer_id for each in given])
    closes = _first_to_each(given, found)
    await offers.close(db, [_closed(each) for each in closes.values()], at=now())
    yes, no = ([found[_place(each)] for each in closes.values() if each.answer == way] for way in ("accept", "decline"))
    said = await _match(db, yes, programme=programme, policy=policy)
    await _lose(db, no, programme=programme, policy=policy)
    said |= {each.offer_id: [each.declined(closes[each.offer_id].code or "time")] for each in no}
    return [_reply(each, found.get(_place(each)), closes, said) for each in given]


def _place(given: Answered) -> tuple[str, UUID]:
    return given.organisation, given.offer_id


def _first_to_each(given: Sequence[Answered], found: Mapping[tuple[str, UUID], Offer]) -> dict[UUID, Answered]:
    first: dict[UUID, Answered] = {}
    for each in given:
        offer = found.get(_place(each))
        if offer and offer.state == "open":
            first.setdefault(offer.offer_id, each)
    return first


def _closed(given: Answered) -> Closed:
    return Closed(offer_id=given.offer_id, state=given.wanted, by=given.by, code=given.code)


def _reply(
    given: Answered, offer: Offer | None, closes: Mapping[UUID, Answered], said: dict[UUID, list[Said]]
) -> Reply:
    """This will tell one what became of their offer; what is said of it is said with the first answer."""
    if offer is None:
        return Reply(Refused(None))
    state = closes[offer.offer_id].wanted if offer.offer_id in closes else offer.state
    if state != given.wanted:
        return Reply(Refused(state))
    return Reply(told(offer, state), said.pop(offer.offer_id, []))


def told(offer: Offer, state: str) -> dict[str, Any]:
    """This will say what became of an offer."""
    answered = {"offer_id": str(offer.offer_id), "referral_id": str(offer.referral_id), "state": state}
    return {**answered, "match_id": str(offer.match or match_id(offer.offer_id))} if state == "accepted" else answered


async def expire(
    due: Sequence[OfferFellDue], db: AsyncConnection, *, programme: Programme, policy: Policy
) -> list[OfferExpired]:
    """This will let the next be asked when supporters have not answered in time."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    ids = list(dict.fromkeys(each.offer_id for each in due))
    found = await offers.some(db, ids)
    over = [found[each] for each in ids if each in found and found[each].state == "open"]
    await offers.close(db, [Closed(offer_id=each.offer_id, state="expired") for each in over], at=now())
    await _lose(db, over, programme=programme, policy=policy)
    return [each.expired() for each in over]


async def _match(
    db: AsyncConnection, accepted: Sequence[Offer], *, programme: Programme, policy: Policy
) -> dict[UUID, list[Said]]:
    """This will match people, and give what is said of each offer: the match, and when it is no longer new."""
    if not accepted:
        return {}
    at, ids = now(), [each.referral_id for each in accepted]
    await offers.match(db, accepted, at=at)
    await referrals.move_to(db, ids, "matched")
    await close_tasks(db, kind=ANSWERED_BY_A_MATCH, abouts=map(str, ids), by="matching")
    people = await referrals.some(db, ids)
    staff = await supporters.supporters_by_id(db, [each.supporter_id for each in accepted])
    said: dict[UUID, list[Said]] = {}
    for each in accepted:
        person, other = people[each.referral_id].seeker, staff[each.supporter_id].candidate()
        fact = _match_made(each, person, other, programme=programme, at=at)
        said[each.offer_id] = [fact, _settled(fact.match_id, other, at + timedelta(days=policy.new_for_days))]
    return said


def _settled(match: UUID, other: Candidate, due: datetime) -> Later:
    """This will look for somebody else for a supporter's room when a person is no longer new to them."""
    freed = RoomFreed(supporter_id=other.supporter_id, site_id=other.supporter.site_id)
    return Later(freed, due=due, key=f"settled {match}")


def _match_made(offer: Offer, person: Seeker, other: Candidate, *, programme: Programme, at: datetime) -> MatchMade:
    """This will say who belongs together, with the times both have free, best first."""
    return MatchMade(
        match_id=match_id(offer.offer_id),
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


async def _lose(db: AsyncConnection, lost: Collection[Offer], *, programme: Programme, policy: Policy) -> None:
    """This will give the room back, and put a task before a person where too many offers were lost."""
    if not lost:
        return
    await supporters.take_load(db, load_of(lost))
    ids = [each.referral_id for each in lost]
    await referrals.lose_offers(db, ids)
    people = [each.seeker for each in (await referrals.some(db, ids)).values()]
    exhausted = [each for each in people if each.lost_offers >= policy.lost_offers_before_a_person_looks]
    await open_each(db, [_to_look_at(each, programme) for each in exhausted])


def _to_look_at(seeker: Seeker, programme: Programme) -> Asked:
    due = add_business_days(programme.site(seeker.site_id), now(), 1)
    return Asked(kind="offers_exhausted", about=str(seeker.referral_id), owner="matching", due=due)
