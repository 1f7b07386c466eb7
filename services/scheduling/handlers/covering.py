"""Who insures whom, and the recount of what is covered whenever something that counts has changed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules.coverage import judge
from services.scheduling.rules.heeding import contradictions
from services.scheduling.rules.plans import Plans
from services.scheduling.rules.seats import Coverage, Delivered, Judgement, Recorded, delivered
from services.scheduling.store import covering as store
from services.scheduling.store.statements import people_of
from shared.clock import now
from shared.database import lock, side_by_side
from shared.events.matching import SupporterRegistered
from shared.events.referrals import CoverageShared, ReferralAccepted, ReferralAmended
from shared.events.scheduling import CoverageChanged, InsurerTold
from shared.mailbox import Said
from shared.work import Asked, open_each, renew

TIME_TO_ASK = timedelta(days=2)
Coverages = dict[UUID, dict[UUID, Coverage]]
"""By person and referral; of each person the one told last comes last."""
COVERAGE_DIFFERS = "coverage_differs"
"""The task of a person whose insurer and whose referrer say different things of the coverage."""


async def learn_coverage(told: Sequence[CoverageShared], db: AsyncConnection, *, plans: Plans) -> list[Said]:
    """This will keep who insures people and recount what was held already; an unknown plan asks for a person."""
    # Whoever keeps what an insurer posts takes its turn by the same name: one of the two sees what the other kept.
    await lock(db, *{f"member {store.key_of(each)}" for each in told})
    await store.remember_coverages(db, told, at=now())
    unknown = [each for each in told if not plans.knows(each.plan_id)]
    await open_each(db, [_unknown_plan(each) for each in unknown])
    return await _heed(db, {each.person_id for each in told}, plans=plans)


async def hear_insurers(rung: Sequence[InsurerTold], db: AsyncConnection, *, plans: Plans) -> list[Said]:
    """This will recount for whoever is a member of whom an insurer told something; mostly that is nobody."""
    people = await people_of(db, {each.member_key for each in rung})
    return await _heed(db, people, plans=plans) if people else []


async def _heed(db: AsyncConnection, people: Collection[UUID], *, plans: Plans) -> list[Said]:
    """This will recount, and have a person look where an insurer contradicts what came with a referral."""
    await alone_with(db, people)
    coverages = await store.coverages_of(db, people)
    said = await _count(db, people, coverages, plans=plans)
    told = [who for who in people if any(each.is_told_of for each in coverages.get(who, {}).values())]
    await _ask(db, coverages, told, plans=plans)
    return said


async def _ask(db: AsyncConnection, coverages: Coverages, people: Sequence[UUID], *, plans: Plans) -> None:
    """This will have somebody look at the people of whom insurer and referrer say different things.

    Nobody is asked again about what they looked at already; a task whose contradiction is gone is done.
    """
    if not people:
        return
    days, today = await store.days_of(db, people), now().date()
    await renew(db, [_differs(who, coverages, days, today, plans) for who in people], by="news of the coverage")


def _differs(
    who: UUID, coverages: Coverages, days: Mapping[UUID, Collection[date]], today: date, plans: Plans
) -> Asked:
    each_one = coverages.get(who, {}).values()
    lines = dict.fromkeys(
        line for each in each_one for line in contradictions(each, days.get(who, ()), plans, today=today)
    )
    due = now() + TIME_TO_ASK
    return Asked(kind=COVERAGE_DIFFERS, about=str(who), owner="billing", due=due, note="\n".join(lines) or None)


def _unknown_plan(told: CoverageShared) -> Asked:
    return Asked(kind="unknown_plan", about=str(told.person_id), owner="billing", due=now() + TIME_TO_ASK)


async def learn_supporter(told: Sequence[SupporterRegistered], db: AsyncConnection, *, plans: Plans) -> list[Said]:
    """This will keep supporters' names and standing, and recount what was held with them already."""
    await store.remember_supporters(db, told)
    seen = await store.people_seen_by(db, [each.supporter_id for each in told])
    return await recount(db, seen, plans=plans) if seen else []


async def learn_label(told: Sequence[ReferralAccepted], db: AsyncConnection) -> None:
    """This will keep whether what belongs to referrals is under Part 2."""
    await store.remember_labels(db, told)


async def protect(told: Sequence[ReferralAmended], db: AsyncConnection) -> None:
    """This will keep what is under Part 2 by now: insurers' next questions are answered by it, of old visits too."""
    await store.label(db, [each.referral_id for each in told if each.part2])


async def alone_with(db: AsyncConnection, people: Collection[UUID]) -> bool:
    """This will keep everybody else from changing what is recorded of these people and whoever shares their number.

    The answer says whether somebody may have changed it before, so that what was read is to be read again.
    """
    if not side_by_side(db):
        return False
    await lock(db, *(f"person {each}" for each in await store.same_member(db, people)))
    return True


async def recount(db: AsyncConnection, people: Collection[UUID], *, plans: Plans) -> list[Said]:
    """This will judge the members' whole history again, keep what changed, and say it."""
    await alone_with(db, people)
    return await count_again(db, people, plans=plans)


async def count_again(db: AsyncConnection, people: Collection[UUID], *, plans: Plans) -> list[Said]:
    """This will recount for a caller who is alone with these people already."""
    return await _count(db, people, await store.coverages_of(db, people), plans=plans)


async def _count(db: AsyncConnection, people: Collection[UUID], coverages: Coverages, *, plans: Plans) -> list[Said]:
    if not coverages:
        return []
    seats = await store.recorded(db, {*people, *coverages})
    if not seats:
        return []
    changed = _changed(seats, judge(await _delivered(db, seats, coverages), plans))
    await store.write_judgements(db, changed, at=now())
    person_of = {each.seat_id: each.person_id for each in seats}
    differ = [
        who
        for who, day in dict.fromkeys((person_of[each.seat_id], each.service_date) for each in changed)
        if any(contradictions(each, [day], plans) for each in coverages.get(who, {}).values())
    ]
    await _ask(db, coverages, list(dict.fromkeys(differ)), plans=plans)
    told = [each for each in changed if plans.returned_to_insurers(each.plan_id)]
    return [_say(each, person_of[each.seat_id]) for each in told]


async def _delivered(db: AsyncConnection, seats: list[Recorded], coverages: Coverages) -> list[Delivered]:
    standings = await store.standings(db, {each.supporter_id for each in seats})
    return [
        delivered(each, coverage, standings.get(each.supporter_id) if each.supporter_id else None)
        for each in seats
        if (coverage := _coverage_for(each, coverages.get(each.person_id, {})))
    ]


def _coverage_for(seat: Recorded, known: dict[UUID, Coverage]) -> Coverage | None:
    """This will choose the coverage told with the seat's own referral, else the one told last."""
    last = next(reversed(known.values()), None)
    return known.get(seat.referral_id, last) if seat.referral_id else last


def _changed(seats: list[Recorded], judged: list[Judgement]) -> list[Judgement]:
    before = {each.seat_id: each.judged for each in seats}
    return [each for each in judged if each != before[each.seat_id]]


def _say(judged: Judgement, person_id: UUID) -> CoverageChanged:
    return CoverageChanged(
        seat_id=judged.seat_id,
        person_id=person_id,
        payer=judged.payer,
        units_delivered=judged.units_delivered,
        units_covered=judged.units_covered,
        reasons=judged.reasons,
    )
