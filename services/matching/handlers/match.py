"""Looks for supporters for everybody who needs one, together, and offers something to those who wait."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.handlers.bridge import bridge
from services.matching.rules.assignment import Decided, Decision, Unmet, assign
from services.matching.rules.offers import Offer, load_of, offer_id
from services.matching.rules.people import Seeker
from services.matching.rules.policy import Policy
from services.matching.rules.priority import priority
from services.matching.rules.turns import NOBODY_FITS
from services.matching.store import offers, referrals, supporters
from services.matching.store.referrals import Waiting
from services.matching.store.supporters import Registered
from shared.calendar import add_business_days, add_business_hours, business_days_between
from shared.clock import now
from shared.database import lock
from shared.events.fact import Urgency
from shared.events.matching import (
    OfferDeclined,
    OfferExpired,
    OfferFellDue,
    ReferralWaitlisted,
    RoomFreed,
    WaitsBecause,
)
from shared.events.referrals import ReferralAccepted
from shared.linked import everybody
from shared.mailbox import Later, Said
from shared.programme import Programme
from shared.sealed import lookup
from shared.work import Asked, open_each

ONE_DECISION_AT_A_TIME = "match"
LOOK_AGAIN = timedelta(hours=1)
"""After this those who wait are thought of again though nothing happened, for a new day may bring common times."""
TWICE = "One human being with the person of referral {other}, which is served: close one, unless they want both."
Heard = ReferralAccepted | OfferDeclined | OfferExpired | RoomFreed


async def match(heard: Sequence[Heard], db: AsyncConnection, *, programme: Programme, policy: Policy) -> list[Said]:
    """This will decide for everybody who needs an offer against one view of who is free."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    at = now()
    accepted = [each for each in heard if isinstance(each, ReferralAccepted)]
    await referrals.take_in(db, accepted, lambda zone, site: known_zone(zone, site, programme))
    await look_at_second(db, {each.person_id for each in accepted}, programme, at=at)
    await supporters.add_load(db, await _settled(db, policy, at=at))
    hope = await supporters.consider(db, new_person=policy.new_person(), at=at, again=LOOK_AGAIN)
    people = await referrals.who_needs_an_offer(db, unserved_only=not hope)
    if not people:
        return []
    staff = await supporters.possible_supporters(db)
    decided = await _decide(db, people, staff, programme=programme, policy=policy, at=at)
    news = _news(decided.decisions, people)
    await offers.explain(db, news, policy_version=policy.version, inputs=decided.inputs, at=at)
    by_id = {each.seeker.referral_id: each for each in people}
    asked = await _ask(db, news, by_id, {each.supporter_id: each for each in staff}, programme, policy, at=at)
    return [*asked, *await _let_wait(db, news, by_id, programme, at=at)]


async def _decide(
    db: AsyncConnection,
    people: Sequence[Waiting],
    staff: Sequence[Registered],
    *,
    programme: Programme,
    policy: Policy,
    at: datetime,
) -> Decided:
    """This will decide for everybody together, again where one for whom nobody fits kept a linked person's from it."""
    linked = await everybody(db, [each.seeker.person_id for each in people])
    seekers = await seekers_of(db, people, staff, linked, programme=programme, policy=policy, at=at)
    candidates = [each.candidate() for each in staff]
    aside = {each.referral_id: False for each in seekers}
    while True:
        second = await referrals.waiting_for_another(db, linked.values(), aside)
        in_turn = [each for each in seekers if each.referral_id not in second]
        decided = assign(in_turn, candidates, now=at, policy=policy)
        unmet = {each.referral_id for each in decided.decisions if each.unmet in NOBODY_FITS}
        in_the_way = {each for each in second.values() if each in unmet and not aside[each]}
        if not in_the_way:
            mine = [each.referral_id for each in seekers if each.referral_id in second]
            every = [*decided.decisions, *(Decision(referral_id=each, unmet="another_served") for each in mine)]
            return replace(decided, decisions=sorted(every, key=lambda each: each.referral_id))
        aside |= dict.fromkeys(in_the_way, True)


def known_zone(zone: str, site_id: str, programme: Programme) -> str:
    """This will give a zone there is: the person's, or their site's where theirs is unknown."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return programme.site(site_id).zone
    return zone


async def _settled(db: AsyncConnection, policy: Policy, *, at: datetime) -> dict[UUID, int]:
    before = at - timedelta(days=policy.new_for_days)
    return await offers.settle(db, made_before=before, new_person=policy.new_person())


async def seekers_of(
    db: AsyncConnection,
    people: Sequence[Waiting],
    staff: Sequence[Registered],
    linked: Mapping[UUID, frozenset[UUID]],
    *,
    programme: Programme,
    policy: Policy,
    at: datetime,
) -> list[Seeker]:
    """This will give what a decision needs to know of people: priority, and supporters they must not be given.

    What holds for somebody holds for whoever is one human being with them (`linked`).
    """
    who = {each.seeker.person_id for each in people}
    former = await offers.former_supporters(db, who.union(*linked.values()))
    excluding = [each for each in staff if each.exclusions]
    found = []
    for each in people:
        group = linked.get(each.seeker.person_id, frozenset({each.seeker.person_id}))
        prints = {lookup("person", str(one)) for one in group} if excluding else set()
        conflicts = {one.supporter_id for one in excluding if one.exclusions & prints}
        conflicts = conflicts.union(*(former.get(one, ()) for one in group))
        points = priority_of(each, programme=programme, policy=policy, at=at)
        found.append(replace(each.seeker, priority=points, conflicts=frozenset(conflicts)))
    return found


def priority_of(each: Waiting, *, programme: Programme, policy: Policy, at: datetime) -> int:
    """This will give somebody's waiting priority now."""
    waited = business_days_between(programme.site(each.seeker.site_id), each.seeker.arrived_at, at)
    return priority(each.seeker.urgency, waited=waited, lost=each.seeker.lost_offers, policy=policy)


def _news(decisions: Sequence[Decision], people: Sequence[Waiting]) -> list[Decision]:
    """This will leave out that those who know that they wait, wait on for the same reason."""
    waits = {each.seeker.referral_id: each.waits_because for each in people if each.waitlisted_at}
    return [each for each in decisions if each.supporter_id or waits.get(each.referral_id) != each.unmet]


async def _ask(
    db: AsyncConnection,
    news: Sequence[Decision],
    people: dict[UUID, Waiting],
    staff: dict[UUID, Registered],
    programme: Programme,
    policy: Policy,
    *,
    at: datetime,
) -> list[Said]:
    """This will hold capacity, write the offers down, and say them, each with the moment at which it runs out.

    A supporter is asked to answer in the business hours of their own site.
    """

    @cache
    def answer_by(site_id: str, urgency: Urgency) -> datetime:
        return add_business_hours(programme.site(site_id), at, policy.answer_hours[urgency])

    pairs = [(people[each.referral_id], staff[each.supporter_id]) for each in news if each.supporter_id is not None]
    made = [
        _offer_of(asked, one, policy, at=at, answer_by=answer_by(one.supporter.site_id, asked.seeker.urgency))
        for asked, one in pairs
    ]
    await supporters.add_load(db, load_of(made))
    await offers.hold(db, made)
    await referrals.move_to(db, [each.referral_id for each in made], "offered")
    due = [Later(OfferFellDue(offer_id=each.offer_id, person_id=each.person_id), due=each.answer_by) for each in made]
    return [*(each.made() for each in made), *due]


def _offer_of(asked: Waiting, supporter: Registered, policy: Policy, *, at: datetime, answer_by: datetime) -> Offer:
    return Offer(
        offer_id=offer_id(asked.seeker.referral_id, asked.offers_made),
        referral_id=asked.seeker.referral_id,
        person_id=asked.seeker.person_id,
        supporter_id=supporter.supporter_id,
        state="open",
        counts=policy.new_person(),
        made_at=at,
        answer_by=answer_by,
    )


async def _let_wait(
    db: AsyncConnection, news: Sequence[Decision], people: dict[UUID, Waiting], programme: Programme, *, at: datetime
) -> list[Said]:
    """This will begin a spell of waiting, and offer what is open at once to whoever has nothing yet.

    Of who waits already only the reason is another.
    """
    unmet = [(people[each.referral_id], each.unmet) for each in news if each.unmet]
    begin = {each.seeker.referral_id: why for each, why in unmet if each.waitlisted_at is None}
    await referrals.waitlist(db, begin, at=at)
    await referrals.wait_on(db, {each.seeker.referral_id: why for each, why in unmet if each.waitlisted_at})
    said: list[Said] = [
        ReferralWaitlisted(referral_id=one, person_id=people[one].seeker.person_id, reason=_as_told(why))
        for one, why in begin.items()
    ]
    nobody_fits = [each.seeker for each, why in unmet if why in ("no_fit", "below_floor")]
    await open_each(db, [_to_review(each, programme, at=at) for each in nobody_fits])
    return [*said, *await bridge(db, [each for each, _ in unmet if not each.bridged], programme, at=at)]


def _as_told(why: Unmet) -> WaitsBecause:
    """This will give why somebody waits as others hear it: that they are one with somebody else stays here."""
    return "no_room" if why == "another_served" else why


async def look_at_second(
    db: AsyncConnection, people: Iterable[UUID], programme: Programme, *, at: datetime, seen: Container[UUID] = ()
) -> None:
    """This will have somebody look at referrals of linked people of whom another is served, but not at those `seen`."""
    found = await referrals.waiting_for_another(db, (await everybody(db, people)).values())
    second = {one: other for one, other in found.items() if one not in seen}
    waiting = await referrals.some(db, second) if second else {}
    notes = {one: TWICE.format(other=other) for one, other in second.items()}
    await open_each(db, [_to_review(each.seeker, programme, at=at, note=notes[one]) for one, each in waiting.items()])


def _to_review(seeker: Seeker, programme: Programme, *, at: datetime, note: str | None = None) -> Asked:
    due = add_business_days(programme.site(seeker.site_id), at, 1)
    return Asked(kind="match_review", about=str(seeker.referral_id), owner="matching", due=due, note=note)
