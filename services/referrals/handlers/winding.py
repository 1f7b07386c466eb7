"""Winds the clock of a referral: what must be done next, by when, and when it is looked whether it was."""

from dataclasses import replace
from datetime import datetime

from services.referrals.rules import clock
from services.referrals.rules.triage import urgency
from services.referrals.store import Referral
from shared.events.referrals import ReferralFellDue
from shared.mailbox import Later
from shared.programme import Programme, Site
from shared.work import Asked

OVERDUE, NO_VISIT = "overdue", "no_visit_kept"
FIRST_CONTACT, FOLLOW_UP = "contact_before_discharge", "discharge_follow_up"
CLOCK_TASKS = (OVERDUE, NO_VISIT, FIRST_CONTACT, FOLLOW_UP)
"""What somebody is asked when a clock has run out, a series ended without a visit, somebody leaves hospital whom nobody
is found for yet, or the seven days after that are nearly over."""


def wind(
    referral: Referral, *, programme: Programme, at: datetime, again: bool = False
) -> tuple[Referral, list[Later]]:
    """This will give the referral with its clock, and the timer it needs.

    A clock runs on while the same must be done, unless it is to be wound `again`; a timer that rings too early winds
    itself again.
    """
    site = programme.site(referral.site_id)
    step = clock.awaited(_stands(referral, site))
    if step is None:
        return replace(referral, awaits=None, act_by=None), []
    if step == referral.awaits and not again and step not in clock.OF_DANGER:
        return referral, []
    if step == "match":
        referral = replace(referral, urgency=urgency(referral.order, site, referral.arrived_at, at))
    stands = _stands(referral, site)
    wound = replace(referral, awaits=step, act_by=clock.act_by(step, stands, site, at=at))
    return ringing(wound, at=at, at_once=clock.presses(step, stands, site, at=at))


def wind_by_discharge(
    before: Referral, moved: Referral, *, programme: Programme, at: datetime
) -> tuple[Referral, list[Later]]:
    """This will set a clock by another day of discharge: who had time until a moment has no more of it by that.

    Only what the former day itself had set may become later.
    """
    site, was = programme.site(moved.site_id), before.order.discharged_on
    limits = (clock.leaves_at(was, site), clock.warn_at(was, site), clock.follow_up_ends(was, site)) if was else ()
    wound, rings = wind(moved, programme=programme, at=at, again=True)
    if before.act_by and wound.act_by and before.act_by < wound.act_by and before.act_by not in limits:
        sooner = replace(wound, act_by=before.act_by, rings_at=moved.rings_at)
        return ringing(sooner, at=at, at_once=presses(wound, programme, at))
    return wound, rings


def presses(referral: Referral, programme: Programme, at: datetime) -> bool:
    """This will say whether somebody is asked now, for the last of the seven days after a discharge run."""
    site = programme.site(referral.site_id)
    return referral.awaits is not None and clock.presses(referral.awaits, _stands(referral, site), site, at=at)


def seen(referral: Referral, programme: Programme) -> bool:
    """This will say whether somebody who left hospital had a visit since."""
    site = programme.site(referral.site_id)
    return clock.is_seen(_stands(referral, site), site)


def _stands(referral: Referral, site: Site) -> clock.Stands:
    return clock.Stands(
        state=referral.state,
        urgency=referral.urgency or urgency(referral.order, site, referral.arrived_at),
        crisis_at=referral.crisis_at,
        acknowledged=referral.acknowledged_at is not None,
        discharged_on=referral.order.discharged_on,
        first_visit=referral.visits_from,
        last_visit=referral.visits_until,
        last_kept=referral.last_kept_at,
    )


def ringing(referral: Referral, *, at: datetime, at_once: bool = False) -> tuple[Referral, list[Later]]:
    """This will plan the timer of a clock, unless one rings before, or somebody has the task already.

    No timer rings for a test: there nobody is asked anything, and its clock is only shown.
    """
    due = at if at_once else referral.act_by
    if due is None or referral.test or referral.awaits in clock.HAVE_A_TASK:
        return referral, []
    if referral.rings_at and at < referral.rings_at <= due:
        return referral, []
    fact = ReferralFellDue(referral_id=referral.referral_id, person_id=referral.person_id)
    return replace(referral, rings_at=due), [Later(fact, due=due)]


def ran_out(referral: Referral, *, programme: Programme, at: datetime) -> Asked | None:
    """This will give the task of whoever must act for a referral, None where its clock has not run out.

    While the last of the seven days after a discharge run, they are asked before it has.
    """
    step, due = referral.awaits, referral.act_by
    if step is None or due is None or step in clock.HAVE_A_TASK or referral.test:
        return None
    site = programme.site(referral.site_id)
    stands = _stands(referral, site)
    if due > at and not clock.presses(step, stands, site, at=at):
        return None
    kind = NO_VISIT if step == "close" else OVERDUE
    left = stands.discharged_on
    if left and step in clock.UNTIL_SEEN and not clock.is_seen(stands, site):
        leaves, ends = clock.leaves_at(left, site), clock.follow_up_ends(left, site)
        if due == leaves:
            kind = FIRST_CONTACT
        elif leaves < due <= ends or clock.presses(step, stands, site, at=at):
            kind, due = FOLLOW_UP, ends
    return Asked(kind=kind, about=str(referral.referral_id), owner=clock.OWNERS[step], due=due)
