"""Plays what becomes of referrals of organisations for tests: nothing of it is said to any other service."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.outcomes import agreed_of
from services.referrals.handlers.telling import tell
from services.referrals.handlers.winding import wind
from services.referrals.rules import journey, playing
from services.referrals.rules.playing import PAUSE, Step
from shared import consents
from shared.clock import now
from shared.events.referrals import OutcomeFellDue
from shared.mailbox import Later, Said
from shared.programme import Programme

KEPT: dict[Step, int] = {"series_ended": 1, "series_unkept": 0}
"""How many visits were kept when a series ends."""

LET_ON = {"crisis_review": "risk_cleared", "needs_screen": "risk_cleared", "needs_info": "details_given"}


class Misfit(ValueError):
    """The programme does not fit the referrals that are here; the message says where, and what to do."""


def first_step(referral: store.Referral, at: datetime) -> list[Said]:
    """This will begin the play of a referral for tests, where there is one."""
    return _next(referral, 0, at)


def _next(referral: store.Referral, number: int, at: datetime) -> list[Said]:
    if playing.step_of_play(referral.order, referral.state, number) is None:
        return []
    fact = OutcomeFellDue(referral_id=referral.referral_id, step=number)
    return [Later(fact, due=at + PAUSE, key=f"outcome {referral.referral_id} {number}")]


async def play(rung: Sequence[OutcomeFellDue], db: AsyncConnection, *, programme: Programme) -> list[Said]:
    """This will take a step of each play, tell the referrer as in real life, and plan the next."""
    known = await store.alone(db, {each.referral_id for each in rung})
    moved, entries = [], []
    said: list[Said] = []
    for each in rung:
        before = known.get(each.referral_id)
        step = playing.step_of_play(before.order, before.state, each.step) if before and before.test else None
        if before is None or step is None:
            continue
        after, noted = _taken(before, step, now())
        after, _ = wind(after, programme=programme, at=now())
        if step == "let_on":
            await consents.given(agreed_of(after, programme=programme, at=now()), db)
        if noted:
            moved.append(after)
        entries += noted
        said += _next(after, each.step + 1, now())
    await store.change(db, moved)
    await store.note(db, entries)
    return [*await tell(db, moved, programme=programme), *said]


def _taken(before: store.Referral, step: Step, at: datetime) -> tuple[store.Referral, list[store.Entry]]:
    """This will give a referral after a step, and what its timeline says of that."""
    if step == "let_on":
        if before.state not in journey.HELD:
            return before, []
        let = replace(before, state="accepted", reasons=(), crisis_at=None)
        return let, [_entry(before, each, at) for each in (LET_ON[before.state], "accepted")]
    if step == "closed":
        reason = playing.play_of(before.order).reason
        return replace(before, state="closed", reasons=(reason,) if reason else ()), [_entry(before, step, at)]
    about = at + (PAUSE if step == "series_booked" else timedelta())
    entry = replace(_entry(before, step, at), about=about, number=KEPT.get(step))
    moved = replace(before, state=journey.NEXT[before.state, step])
    if step == "series_booked":
        moved = replace(moved, visits_from=about, visits_until=about)
    return replace(moved, last_kept_at=about) if step in journey.KEPT else moved, [entry]


def _entry(referral: store.Referral, what: str, at: datetime) -> store.Entry:
    return store.Entry(referral_id=referral.referral_id, what=what, at=at, key="for tests")


async def refuse_misfit(db: AsyncConnection, *, programme: Programme) -> None:
    """This will raise Misfit where an organisation that has referred is gone.

    Or where one was for tests before, or is so now and has referred people.
    """
    if gone := await store.referrers(db) - set(programme.organisations):
        told = ", ".join(sorted(gone))
        raise Misfit(f"programme.json has lost {told}, whose referrals are here: put it back, and suspend it instead")
    for name, each in programme.organisations.items():
        if await store.has_others(db, name, test=each.test):
            was = "has referred people" if each.test else "was for tests"
            raise Misfit(f"programme.json, organisations.{name}.test: it {was} before; choose another id for it now")
