"""Hears what became of accepted referrals in the other services, and moves their timelines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.telling import tell
from services.referrals.handlers.winding import CLOCK_TASKS, NO_VISIT, seen, wind
from services.referrals.rules import clock, journey
from shared.calendar import add_business_days
from shared.clock import now
from shared.events.fact import Fact
from shared.mailbox import Later, Said
from shared.programme import Programme
from shared.work import Asked, close_tasks, open_each


async def advance(facts: Sequence[Fact], db: AsyncConnection, *, programme: Programme) -> list[Said]:
    """This will write what happened into the timelines, move states forward only, and tell the referrers."""
    steps = [step for each in facts if (step := journey.step_of(each))]
    if not steps:
        return []
    known = await store.alone(db, {each.referral_id for each in steps})
    mine = [each for each in steps if each.referral_id in known]
    await store.note(db, [_entry(each) for each in mine])
    moved, at = dict(known), now()
    rings: dict[UUID, list[Later]] = {}
    for each in mine:
        before = moved[each.referral_id]
        stepped = _stepped(before, each, at)
        again = _is_booked(before, each) or seen(stepped, programme) != seen(before, programme)
        after, later = wind(stepped, programme=programme, at=at, again=again)
        moved[each.referral_id] = after
        rings[each.referral_id] = later or rings.get(each.referral_id, [])
    for one, last_kept_at in (await _corrected(db, mine)).items():
        corrected = replace(moved[one], last_kept_at=last_kept_at)
        again = seen(corrected, programme) != seen(moved[one], programme)
        moved[one], later = wind(corrected, programme=programme, at=at, again=again)
        rings[one] = later or rings.get(one, [])
    await _keep(db, [each for each in moved.values() if each != known[each.referral_id]], known)
    await _ask_about_late_matches(db, mine, known, programme)
    said = await tell(db, moved.values(), programme=programme)
    return [*(later for some in rings.values() for later in some), *said]


async def _corrected(db: AsyncConnection, steps: Sequence[journey.Step]) -> dict[UUID, datetime | None]:
    """This will write down what is said otherwise of a visit now, and give when the last was kept, where less were."""
    last = {each.key: each for each in steps if each.event in (*journey.KEPT, "missed")}.values()
    missed = [replace(_entry(each), what=kept) for each in last if each.event == "missed" for kept in journey.KEPT]
    fewer = await store.correct(db, missed, [_entry(each) for each in last if each.event != "missed"])
    kept = await store.visits_kept(db, fewer) if fewer else {}
    return {each: max(kept.get(each, ()), default=None) for each in fewer}


def _stepped(before: store.Referral, step: journey.Step, at: datetime) -> store.Referral:
    kept = [each for each in (before.last_kept_at, step.about if step.event in journey.KEPT else None) if each]
    return replace(
        before,
        state=journey.NEXT[before.state, step.event],
        visits_from=_first(before, step, at) if _is_booked(before, step) else before.visits_from,
        visits_until=max((each for each in (before.visits_until, step.until) if each), default=None),
        # A series that ended without any visit corrects what was said of one.
        last_kept_at=None if step.event == "series_unkept" else max(kept, default=None),
    )


def _first(before: store.Referral, step: journey.Step, at: datetime) -> datetime | None:
    """This will give the visit that would be the first: of two that are booked the earlier one that is to come."""
    to_come = before.visits_from if before.state == "first_scheduled" else None
    return min((each for each in (to_come, step.about) if each and at < each), default=step.about)


def _is_booked(before: store.Referral, step: journey.Step) -> bool:
    """This will say whether a booking makes a visit the first one: none was kept before."""
    return step.event == "series_booked" and journey.NEXT[before.state, step.event] == "first_scheduled"


async def _keep(db: AsyncConnection, moved: Sequence[store.Referral], known: Mapping[UUID, store.Referral]) -> None:
    """This will keep what moved, and ask nobody any more for what was done: who had no visit kept is asked about."""
    await store.move(db, moved)
    on = [str(each.referral_id) for each in moved if _clock_of(each) != _clock_of(known[each.referral_id])]
    await close_tasks(db, kind=CLOCK_TASKS, abouts=on, by="referrals")
    lapsed = [each for each in moved if each.state == "lapsed" != known[each.referral_id].state]
    await open_each(db, [_no_visit(each) for each in lapsed if each.act_by])


def _clock_of(referral: store.Referral) -> tuple[str | None, datetime | None]:
    return referral.awaits, referral.act_by


def _no_visit(referral: store.Referral) -> Asked:
    due = referral.act_by or now()
    return Asked(kind=NO_VISIT, about=str(referral.referral_id), owner=clock.OWNERS["close"], due=due)


async def _ask_about_late_matches(
    db: AsyncConnection, steps: Sequence[journey.Step], known: Mapping[UUID, store.Referral], programme: Programme
) -> None:
    """This will let somebody ask a person who was matched in the moment in which their referral was taken back."""
    late = [known[each.referral_id] for each in steps if each.event == "match_made"]
    await open_each(db, [_to_ask(each, programme) for each in late if each.state in ("refused", "closed")])


def _to_ask(referral: store.Referral, programme: Programme) -> Asked:
    due = add_business_days(programme.site(referral.site_id), now(), 1)
    return Asked(kind="matched_though_withdrawn", about=str(referral.referral_id), owner="intake", due=due)


def _entry(step: journey.Step) -> store.Entry:
    return store.Entry(
        referral_id=step.referral_id,
        what=step.event,
        at=now(),
        key=step.key,
        about=step.about,
        number=step.number,
    )
