"""What follows from a triage: what is said, who has to look, and what is kept of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.winding import CLOCK_TASKS, wind
from services.referrals.rules import amending, minors, triage
from services.referrals.rules.accept import Accepted, consents_of, contact_of, facts_of_acceptance
from services.referrals.rules.clock import ANSWER_WITHIN
from services.referrals.rules.journey import MAY_END, TAKEN_BACK, State
from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.seeing import LATE
from services.referrals.rules.triage import Payer, Verdict
from shared import consents
from shared.calendar import add_business_days, day_at
from shared.events.fact import Fact
from shared.events.referrals import (
    ConsentGiven,
    ContactShared,
    CrisisRaised,
    ReferralAmended,
    ReferralHeld,
    ReferralRefused,
)
from shared.mailbox import Said
from shared.programme import Programme, Site
from shared.work import ON_CALL, Asked, close_tasks, open_each

IN_DANGER = ("crisis", "crisis_taken")
"""What somebody is asked to do about danger: before, and after, a named person took it in hand."""
TASKS = {"needs_screen": "screening", "needs_info": "missing_info"}
GUARDIAN = "Under age, and may not agree alone in this state: ask a parent or guardian, and say so with the details."
AGAIN = (
    "Taken back, and asked for again, or the two came in the wrong order: ask who referred whether it is still wanted, "
    "and say so with the details."
)
ENDED: tuple[State, ...] = ("completed", "closed")
"""Where a referral went its way, and ended, before whoever sent it took it back."""
WHY_HELD = {"asked_again": AGAIN, "guardian": GUARDIAN}
AT_18 = "Of age from this day: ask for their own consent, and move them to the service for adults."
ASKED_BEFORE_THE_END = (*TASKS.values(), "coverage_unclear", "consent_at_18", *CLOCK_TASKS)


@dataclass(frozen=True, kw_only=True)
class Follows:
    """What follows from a decision: what is said, what people are asked to do, and what the timeline keeps.

    About referrals that are `over` nobody is asked anything any more. Of those for tests (`test`) only their referrer
    hears: no other service, and nobody is asked anything.
    """

    said: list[Said] = field(default_factory=list)
    tasks: list[Asked] = field(default_factory=list)
    entries: list[store.Entry] = field(default_factory=list)
    over: list[UUID] = field(default_factory=list)
    test: bool = False


async def settle(db: AsyncConnection, some: Iterable[Follows]) -> list[Said]:
    """This will keep what follows from decisions, and give what is to be said, in their order."""
    every = list(some)
    words = [word for each in every for word in each.said]
    said = [word for each in every for word in each.said if not (each.test and isinstance(word, Fact))]
    await store.note(db, [entry for each in every for entry in each.entries])
    await consents.given([each for each in words if isinstance(each, ConsentGiven)], db)
    await open_each(db, [task for each in every if not each.test for task in each.tasks])
    over = [str(referral_id) for each in every for referral_id in each.over]
    await close_tasks(db, kind=ASKED_BEFORE_THE_END, abouts=over, by="referrals")
    return said


def follow(referral: store.Referral, verdict: Verdict, *, programme: Programme, at: datetime) -> Follows:
    """This will say what follows from a verdict about a referral."""
    if verdict.outcome == "accepted":
        said, tasks = _accept(referral, programme, at)
    elif verdict.outcome == "refused":
        said, tasks = [_refused(referral, verdict)], []
    elif verdict.outcome == "crisis_review":
        raised_at = referral.crisis_at or at
        said = [_raised(referral, raised_at), _held(referral, "crisis_review")]
        tasks = [_page(referral, raised_at, in_words(referral.order))]
    else:
        said, tasks = [_held(referral, verdict.outcome)], [_hold(referral, verdict, programme, at)]
    entries = [_received(referral), _entry(referral, verdict.outcome, at)]
    return Follows(said=said, tasks=tasks, entries=entries, test=referral.test)


def _received(referral: store.Referral) -> store.Entry:
    return store.Entry(referral_id=referral.referral_id, what="received", at=referral.arrived_at)


def _entry(referral: store.Referral, what: str, at: datetime) -> store.Entry:
    return store.Entry(referral_id=referral.referral_id, what=what, at=at, key=at.isoformat())


def _accept(referral: store.Referral, programme: Programme, at: datetime) -> tuple[list[Said], list[Asked]]:
    payers = payers_of(programme)
    facts = facts_of_acceptance(_accepted(referral, programme, at), payers, now=at)
    tasks = _at_18(referral, programme.site(referral.site_id), at)
    if referral.order.cover is None or triage.plan_of(referral.order.cover, payers):
        return list(facts), tasks
    due = add_business_days(programme.site(referral.site_id), at, 2)
    unclear = Asked(kind="coverage_unclear", about=str(referral.referral_id), owner="intake", due=due)
    return list(facts), [unclear, *tasks]


def _at_18(referral: store.Referral, site: Site, at: datetime) -> list[Asked]:
    """This will have somebody ask a minor anew on the day on which they are of age."""
    born = referral.order.person.birth_date
    if born is None or not minors.under_age(referral.order, day_at(site, at)):
        return []
    due, about = minors.comes_of_age(born, site), str(referral.referral_id)
    return [Asked(kind="consent_at_18", about=about, owner="intake", due=due, note=AT_18)]


def _accepted(referral: store.Referral, programme: Programme, at: datetime) -> Accepted:
    agreement = programme.organisations[referral.organisation].status_consent_by_agreement
    site, born = programme.site(referral.site_id), referral.order.person.birth_date
    return Accepted(
        referral_id=referral.referral_id,
        person_id=referral.person_id,
        organisation=referral.organisation,
        site=site,
        zone=referral.order.person.zone or site.zone,
        order=referral.order,
        arrived_at=referral.arrived_at,
        status_consent=agreement and not referral.withheld and not referral.order.disclosure_denied,
        minor_alone=referral.guardian is None and minors.under_age(referral.order, day_at(site, at)),
        guarded_until=minors.comes_of_age(born, site) if born and referral.guardian else None,
        learnt_at=referral.contact_learnt_at,
    )


def amend(before: store.Referral, after: store.Referral, *, programme: Programme, at: datetime) -> Follows:
    """This will let other services hear what a referrer told of a referral that they go by already."""
    if not amending.is_news(before.order, after.order, after.state, booked=after.visits_until is not None):
        return Follows()
    soon = after.urgency or triage.urgency(after.order, programme.site(after.site_id), after.arrived_at, at)
    fact = ReferralAmended(referral_id=after.referral_id, person_id=after.person_id, urgency=soon, part2=after.part2)
    return Follows(said=[fact], test=after.test)


def withheld(referral: store.Referral, *, programme: Programme, at: datetime) -> tuple[store.Referral, int]:
    """This will let a referral that is held be accepted without any consent, and count those it would have given."""
    without = replace(referral, order=referral.order.model_copy(update={"consents": []}), withheld=True)
    return without, len(agreed_of(referral, programme=programme, at=at))


def agreed_of(referral: store.Referral, *, programme: Programme, at: datetime) -> list[ConsentGiven]:
    """This will give the consents that count from when a referral is accepted."""
    return consents_of(_accepted(referral, programme, at), payers_of(programme), now=at)


def reached(referral: store.Referral, *, programme: Programme, at: datetime) -> ContactShared:
    """This will say how the person of a referral is reached."""
    return contact_of(_accepted(referral, programme, at))


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


def _hold(referral: store.Referral, verdict: Verdict, programme: Programme, at: datetime) -> Asked:
    due = add_business_days(programme.site(referral.site_id), at, 1)
    note = " ".join(words for name, words in WHY_HELD.items() if name in verdict.missing)
    about = str(referral.referral_id)
    return Asked(kind=TASKS[verdict.outcome], about=about, owner="intake", due=due, note=note or None)


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


def _page(referral: store.Referral, at: datetime, note: str) -> Asked:
    about = str(referral.referral_id)
    return Asked(kind="crisis", about=about, owner=ON_CALL, due=at + ANSWER_WITHIN, note=note)


def _raised(referral: store.Referral, at: datetime) -> CrisisRaised:
    return CrisisRaised(
        referral_id=referral.referral_id, person_id=referral.person_id, site_id=referral.site_id, raised_at=at
    )


def raise_crisis(
    referral: store.Referral, *, note: str, programme: Programme, at: datetime
) -> tuple[store.Referral, Follows]:
    """This will put a danger sign before the on-call person at once, and hold what is not accepted until it is cleared.

    `note` is what the sign was; it gives the referral as it is then.
    """
    raised = replace(referral, crisis_at=at, paged_at=None, acknowledged_at=None)
    said: list[Said] = [_raised(referral, at)]
    if referral.state in TASKS:
        # Whether it is wanted after it was taken back is still to be asked, once nobody is in danger.
        asked = tuple(each for each in referral.reasons if each == "asked_again")
        raised = replace(raised, state="crisis_review", reasons=asked)
        said.append(_held(raised, "crisis_review"))
    raised, _ = wind(raised, programme=programme, at=at)
    what = "crisis_review" if raised.state != referral.state else "crisis_raised"
    tasks, entries = [_page(referral, at, note)], [_entry(referral, what, at)]
    return raised, Follows(said=said, tasks=tasks, entries=entries, test=referral.test)


def take_back(
    referral: store.Referral, order: ReferralOrder, *, programme: Programme, at: datetime
) -> tuple[store.Referral, Follows]:
    """This will keep that a referrer took a referral back, and end it where nobody walks beside the person.

    It gives the referral as it is then. Where somebody may be in danger it goes on. What was over stays as it ended.
    """
    news = "\n".join(each for each in order.notes if each not in referral.order.notes)
    entries = [replace(_entry(referral, order.status, at), note=news or None)]
    if referral.state in ENDED and referral.order.status not in TAKEN_BACK:
        entries.append(_entry(referral, LATE, at))
    back = replace(referral, order=referral.order.model_copy(update={"status": order.status}))
    if referral.state not in MAY_END or referral.crisis_at:
        return back, Follows(entries=entries, test=referral.test)
    reason: triage.Reason = "withdrawn" if order.status == "withdrawn" else "entered_in_error"
    ended, _ = wind(replace(back, state="refused", reasons=(reason,)), programme=programme, at=at)
    refused = _refused(ended, Verdict(outcome="refused", reason=reason))
    return ended, Follows(said=[refused], entries=entries, over=[referral.referral_id], test=referral.test)
