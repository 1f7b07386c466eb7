"""Hears what became of accepted referrals in the other services, and moves their timelines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.telling import tell
from services.referrals.rules import journey
from shared.calendar import add_business_days
from shared.clock import now
from shared.events.fact import Fact
from shared.mailbox import Said
from shared.programme import Programme
from shared.work import Asked, open_each


async def advance(facts: Sequence[Fact], db: AsyncConnection, *, programme: Programme) -> list[Said]:
    """This will write what happened into the timelines, move states forward only, and tell the referrers."""
    steps = [step for each in facts if (step := journey.step_of(each))]
    if not steps:
        return []
    known = await store.alone(db, {each.referral_id for each in steps})
    mine = [each for each in steps if each.referral_id in known]
    await store.note(db, [_entry(each) for each in mine])
    moved = dict(known)
    for each in mine:
        before = moved[each.referral_id]
        moved[each.referral_id] = replace(before, state=journey.NEXT[before.state, each.event])
    states = {each: referral.state for each, referral in moved.items() if referral.state != known[each].state}
    await store.move(db, states)
    await _ask_about_late_matches(db, mine, known, programme)
    return await tell(db, moved.values(), programme=programme)


async def _ask_about_late_matches(
    db: AsyncConnection, steps: Sequence[journey.Step], known: Mapping[UUID, store.Referral], programme: Programme
) -> None:
    """This will let somebody ask a person who was matched in the moment in which their referral was taken back."""
    late = [known[each.referral_id] for each in steps if each.event == "match_made"]
    await open_each(db, [_to_ask(each, programme) for each in late if each.state == "refused"])


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
