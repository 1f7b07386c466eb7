"""Tells a referrer where a referral stands: only what the consent allows, and only when that changed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.fhir import answers
from services.referrals.handlers.notifying import announce
from services.referrals.rules import clock, seeing
from services.referrals.rules.disclosures import Way
from shared import names
from shared.clock import now
from shared.consents import consents_of_many
from shared.disclosure import Consent, in_words, may_disclose
from shared.mailbox import Said, Status
from shared.programme import Programme
from shared.sealed import lookup

REFERRER = "referrer"
WITHOUT_A_CLOCK: tuple[Way, str] = "hl7v2", "accepted"
"""What takes no consent, as a Task does that also tells who must act, and by when."""


@dataclass(frozen=True)
class Told:
    """A resource about a referral, as its referrer may see it now.

    `what` is our code for what it tells, nothing for what they sent themselves; `consent_id` the consent it takes.
    """

    referral: store.Referral
    body: dict[str, Any]
    what: str = ""
    consent_id: UUID | None = None


@dataclass(frozen=True)
class Counted:
    """One of those that a figure for their referrer counts, as `what`; `consent_id` is the consent it takes."""

    referral: store.Discharged
    what: str
    consent_id: UUID | None = None


async def tasks_of(
    db: AsyncConnection, referrals: Iterable[store.Referral], *, programme: Programme
) -> dict[UUID, Told]:
    """This will give each referral's FHIR Task, as its referrer may see it now."""
    some = list(referrals)
    milestones = await store.milestones_of(db, [each.referral_id for each in some])
    consents = await consents_of_many(db, [each.person_id for each in some])
    found = {}
    for each in some:
        consent = may_disclose(
            consents.get(each.person_id, []),
            recipient=each.organisation,
            classes=(REFERRER,),
            purpose="treatment",
            at=now(),
            part2=each.part2,
        )
        seen = seeing.seen(
            each.state,
            # While somebody may be in danger nothing is taken back.
            order="active" if each.crisis_at else each.order.status,
            reasons=each.reasons,
            consented=consent is not None,
            part2=each.part2,
            milestones=_milestones(each, milestones.get(each.referral_id, seeing.Milestones())),
            never_had=each.never_had,
        )
        found[each.referral_id] = _told(each, seen, consent, programme)
    return found


def _milestones(referral: store.Referral, said: seeing.Milestones) -> seeing.Milestones:
    """This will give what is so by now: a visit that was moved, or not kept after all, is not told as it was said."""
    first_kept = said.first_kept if referral.last_kept_at else None
    return replace(said, first_visit=referral.visits_from or said.first_visit, first_kept=first_kept)


def _told(referral: store.Referral, seen: seeing.Seen, consent: Consent | None, programme: Programme) -> Told:
    body = _task(referral, seen, programme, scope=in_words(consent, recipient=referral.organisation) if consent else "")
    return Told(
        referral=referral,
        body=body,
        what=seen.business,
        consent_id=consent.consent_id if consent and seen.by_consent else None,
    )


def first(referral: store.Referral, *, programme: Programme) -> tuple[store.Referral, Status, list[store.Disclosure]]:
    """This will say, and account for, the first Task of a referral that just arrived: it needs no consent yet."""
    seen = seeing.seen(
        referral.state,
        order=referral.order.status,
        reasons=referral.reasons,
        consented=False,
        part2=referral.part2,
        never_had=referral.never_had,
    )
    told = _told(referral, seen, None, programme)
    status = Status(referral.organisation, "referral", str(referral.referral_id), told.body)
    return replace(referral, told=_fingerprint(told.body)), status, accounts([told], "stream", programme=programme)


def _task(referral: store.Referral, seen: seeing.Seen, programme: Programme, *, scope: str) -> dict[str, Any]:
    return answers.task(
        referral.referral_id,
        referral.order,
        seen,
        organisation=referral.organisation,
        site=programme.site(referral.site_id),
        arrived_at=referral.arrived_at,
        told_at=referral.told_at,
        scope=scope,
        crisis_at=referral.crisis_at,
        test=referral.test,
        clock=_clock(referral),
    )


def _clock(referral: store.Referral) -> tuple[str, datetime] | None:
    """This will name who must act next, and by when."""
    if referral.awaits is None or referral.act_by is None:
        return None
    return clock.ROLES[clock.OWNERS[referral.awaits]], referral.act_by


def echo(referral: store.Referral, *, programme: Programme) -> Told:
    """This will echo a referral's request: that it arrived and where to follow it, and of the person only danger."""
    body = answers.service_request(
        referral.referral_id,
        referral.order,
        organisation=referral.organisation,
        site=programme.site(referral.site_id),
        told_at=referral.told_at,
        crisis_at=referral.crisis_at,
        test=referral.test,
    )
    return Told(referral, body, "crisis_review" if referral.crisis_at else "")


def _fingerprint(body: dict[str, Any]) -> str:
    return lookup("told", json.dumps(answers.undated(body), sort_keys=True))


async def retell(db: AsyncConnection, referrals: Iterable[store.Referral], *, programme: Programme) -> None:
    """This will let Tasks that were said before, and are only sent from now on, tell no more than is allowed now."""
    tasks = await tasks_of(db, referrals, programme=programme)
    instead = []
    for referral_id, told in tasks.items():
        subject = names.status_subject(told.referral.organisation, "referral")
        instead.append((subject, str(referral_id), json.dumps(told.body, ensure_ascii=False).encode()))
    await store.say_instead(db, instead)


async def tell(db: AsyncConnection, referrals: Iterable[store.Referral], *, programme: Programme) -> list[Said]:
    """This will say each referral's Task to its referrer, where it is not what they were told last.

    Whoever subscribed is told of the same Tasks, and of no others: the consent bounds both alike.
    """
    some = list(referrals)
    if not some:
        return []
    tasks = await tasks_of(db, some, programme=programme)
    moment = now()
    said: list[Said] = []
    news: dict[UUID, Told] = {}
    for each in some:
        known = tasks[each.referral_id]
        if _fingerprint(known.body) != each.told:
            news[each.referral_id] = known
            dated = answers.dated(known.body, moment)
            said.append(Status(each.organisation, "referral", str(each.referral_id), dated))
    await store.tell(db, {each: _fingerprint(known.body) for each, known in news.items()}, moment)
    await store.note_disclosures(db, accounts(news.values(), "stream", programme=programme))
    return [*said, *await announce(db, said)]


def accounts(some: Iterable[Told | Counted], way: Way, *, programme: Programme) -> list[store.Disclosure]:
    """This will account for what is told in a way; what the programme's own people see is told to nobody."""
    outside = [each for each in some if programme.organisations[each.referral.organisation].kind != "agency"]
    return [_account(each, way) for each in outside if each.what]


def _account(told: Told | Counted, way: Way) -> store.Disclosure:
    referral = told.referral
    return store.Disclosure(
        person_id=referral.person_id,
        referral_id=referral.referral_id,
        recipient=referral.organisation,
        way=way,
        what=told.what,
        part2=referral.part2,
        consent_id=None if (way, told.what) == WITHOUT_A_CLOCK else told.consent_id,
        at=now(),
    )
