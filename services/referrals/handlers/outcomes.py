"""What follows from a triage: what is said, who has to look, and what the referrer hears."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.telling import tell
from services.referrals.rules import triage
from services.referrals.rules.accept import Accepted, consents_of, facts_of_acceptance
from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.triage import Payer, Verdict
from shared import consents
from shared.calendar import add_business_days
from shared.clock import now
from shared.events.referrals import ConsentGiven, CrisisRaised, ReferralHeld, ReferralRefused
from shared.mailbox import Said
from shared.programme import Programme
from shared.work import ON_CALL, open_task

ANSWER_CRISIS = timedelta(minutes=5)
TASKS = {"needs_screen": "screening", "needs_info": "missing_info"}


async def follow(
    referral: store.Referral, verdict: Verdict, db: AsyncConnection, *, programme: Programme
) -> list[Said]:
    """This will do and say what follows from a verdict about a referral that is already kept with it."""
    moment = now()
    first = store.Entry(referral_id=referral.referral_id, what="received", at=referral.arrived_at)
    entry = store.Entry(referral_id=referral.referral_id, what=verdict.outcome, at=moment, key=moment.isoformat())
    await store.note(db, [first, entry])
    if verdict.outcome == "accepted":
        said = await _accept(referral, db, programme=programme)
    elif verdict.outcome == "refused":
        said = [_refused(referral, verdict)]
    elif verdict.outcome == "crisis_review":
        said = await _page(referral, db, at=referral.crisis_at or moment, note=in_words(referral.order))
        said.append(_held(referral, "crisis_review"))
    else:
        said = await _hold(referral, verdict, db, programme=programme)
    return said


async def _accept(referral: store.Referral, db: AsyncConnection, *, programme: Programme) -> list[Said]:
    facts = facts_of_acceptance(_accepted(referral, programme), payers_of(programme), now=now())
    await consents.given([each for each in facts if isinstance(each, ConsentGiven)], db)
    if referral.order.cover and triage.plan_of(referral.order.cover, payers_of(programme)) is None:
        due = add_business_days(programme.site(referral.site_id), now(), 2)
        await open_task(db, kind="coverage_unclear", about=str(referral.referral_id), owner="intake", due=due)
    return list(facts)


def _accepted(referral: store.Referral, programme: Programme) -> Accepted:
    agreement = programme.organisations[referral.organisation].status_consent_by_agreement
    return Accepted(
        referral_id=referral.referral_id,
        person_id=referral.person_id,
        organisation=referral.organisation,
        site_id=referral.site_id,
        zone=referral.order.person.zone or programme.site(referral.site_id).zone,
        order=referral.order,
        arrived_at=referral.arrived_at,
        status_consent=agreement and not referral.withheld,
    )


async def withhold(referral: store.Referral, db: AsyncConnection, *, programme: Programme) -> int:
    """This will let a referral that is held be accepted without any consent, and count those it would have given."""
    without = replace(referral, order=referral.order.model_copy(update={"consents": []}), withheld=True)
    await store.change(db, without)
    return len(consents_of(_accepted(referral, programme), payers_of(programme), now=now()))


def payers_of(programme: Programme) -> list[Payer]:
    """This will list the insurers of the programme, for the rules."""
    return [
        Payer(organisation_id=each.organisation_id, name=each.name, plan_ids=tuple(each.plan_ids))
        for each in programme.organisations.values()
        if each.kind == "payer"
    ]


def _refused(referral: store.Referral, verdict: Verdict) -> ReferralRefused:
    if verdict.reason is None:
        raise ValueError("a refusal needs its reason")
    return ReferralRefused(referral_id=referral.referral_id, person_id=referral.person_id, reason=verdict.reason)


async def _hold(referral: store.Referral, verdict: Verdict, db: AsyncConnection, *, programme: Programme) -> list[Said]:
    due = add_business_days(programme.site(referral.site_id), now(), 1)
    kind = TASKS[verdict.outcome]
    await open_task(db, kind=kind, about=str(referral.referral_id), owner="intake", due=due)
    return [_held(referral, verdict.outcome)]


def _held(referral: store.Referral, state: triage.Outcome) -> ReferralHeld:
    return ReferralHeld.model_validate(
        {
            "referral_id": referral.referral_id,
            "person_id": referral.person_id,
            "site_id": referral.site_id,
            "state": state,
        }
    )


def in_words(order: ReferralOrder) -> str:
    """This will give what a post says about danger, for the person who looks."""
    return "\n".join([f"Risk: {order.risk or 'not screened'}.", *order.notes])


async def _page(referral: store.Referral, db: AsyncConnection, *, at: datetime, note: str) -> list[Said]:
    about = str(referral.referral_id)
    await open_task(db, kind="crisis", about=about, owner=ON_CALL, due=at + ANSWER_CRISIS, note=note)
    await store.mark_crisis(db, referral.referral_id, at)
    return [
        CrisisRaised(
            referral_id=referral.referral_id, person_id=referral.person_id, site_id=referral.site_id, raised_at=at
        )
    ]


async def raise_crisis(
    referral: store.Referral, db: AsyncConnection, *, programme: Programme, note: str
) -> tuple[store.Referral, list[Said]]:
    """This will put a danger sign before the on-call person at once, and hold what is not accepted until it is cleared.

    `note` is what the sign was; it gives the referral as it is then.
    """
    moment = now()
    said = await _page(referral, db, at=moment, note=note)
    raised = replace(referral, crisis_at=moment)
    if referral.state in TASKS:
        raised = replace(raised, state="crisis_review", reasons=())
        await store.change(db, raised)
        said.append(_held(raised, "crisis_review"))
    what = "crisis_review" if raised.state != referral.state else "crisis_raised"
    await store.note(db, [store.Entry(referral_id=raised.referral_id, what=what, at=moment, key=moment.isoformat())])
    return raised, [*said, *await tell(db, [raised], programme=programme)]
