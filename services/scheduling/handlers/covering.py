"""Who insures whom, and the recount of what is covered whenever something that counts has changed."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules.coverage import judge
from services.scheduling.rules.plans import Plans
from services.scheduling.rules.seats import Coverage, Delivered, Judgement, Recorded, delivered
from services.scheduling.store import covering as store
from shared.clock import now
from shared.database import lock, side_by_side
from shared.events.matching import SupporterRegistered
from shared.events.referrals import CoverageShared, ReferralAccepted
from shared.events.scheduling import CoverageChanged
from shared.mailbox import Said
from shared.work import Asked, open_each

TIME_TO_ASK = timedelta(days=2)


async def learn_coverage(told: Sequence[CoverageShared], db: AsyncConnection, *, plans: Plans) -> list[Said]:
    """This will keep who insures people and recount what was held already; an unknown plan asks for a person."""
    await store.remember_coverages(db, told, at=now())
    unknown = [each for each in told if not plans.knows(each.plan_id)]
    await open_each(db, [_unknown_plan(each) for each in unknown])
    return await recount(db, {each.person_id for each in told}, plans=plans)


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
    coverages = await store.coverages_of(db, people)
    if not coverages:
        return []
    seats = await store.recorded(db, {*people, *coverages})
    if not seats:
        return []
    changed = _changed(seats, judge(await _delivered(db, seats, coverages), plans))
    await store.write_judgements(db, changed, at=now())
    person_of = {each.seat_id: each.person_id for each in seats}
    told = [each for each in changed if plans.returned_to_insurers(each.plan_id)]
    return [_say(each, person_of[each.seat_id]) for each in told]


async def _delivered(
    db: AsyncConnection, seats: list[Recorded], coverages: dict[UUID, dict[UUID, Coverage]]
) -> list[Delivered]:
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
