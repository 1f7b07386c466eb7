"""Tells a referrer where a referral stands: only what the consent allows, and only when that changed."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.fhir import answers
from services.referrals.handlers.notifying import announce
from services.referrals.rules import journey
from shared.clock import now
from shared.consents import consents_of_many
from shared.disclosure import may_disclose
from shared.mailbox import Said, Status
from shared.programme import Programme
from shared.sealed import lookup

REFERRER = "referrer"


async def bodies(
    db: AsyncConnection, referrals: Iterable[store.Referral], *, programme: Programme
) -> dict[UUID, dict[str, Any]]:
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
        seen = journey.seen(
            each.state,
            order=each.order.status,
            reasons=each.reasons,
            consented=consent is not None,
            part2=each.part2,
            milestones=milestones.get(each.referral_id, journey.Milestones()),
        )
        found[each.referral_id] = _task(each, seen, programme, scope=consent.scope if consent else "")
    return found


def first(referral: store.Referral, *, programme: Programme) -> tuple[store.Referral, Status]:
    """This will say the first Task of a referral that just arrived: what it tells needs no consent yet."""
    seen = journey.seen(
        referral.state,
        order=referral.order.status,
        reasons=referral.reasons,
        consented=False,
        part2=referral.part2,
    )
    body = _task(referral, seen, programme, scope="")
    status = Status(referral.organisation, "referral", str(referral.referral_id), body)
    return replace(referral, told=_fingerprint(body)), status


def _task(referral: store.Referral, seen: journey.Seen, programme: Programme, *, scope: str) -> dict[str, Any]:
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
    )


def echo(referral: store.Referral, *, programme: Programme) -> dict[str, Any]:
    """This will echo a referral's request: that it arrived and where to follow it, nothing about the person."""
    return answers.service_request(
        referral.referral_id,
        referral.order,
        organisation=referral.organisation,
        site=programme.site(referral.site_id),
        told_at=referral.told_at,
        crisis_at=referral.crisis_at,
        test=referral.test,
    )


def _fingerprint(body: dict[str, Any]) -> str:
    return lookup("told", json.dumps(answers.undated(body), sort_keys=True))


async def tell(db: AsyncConnection, referrals: Iterable[store.Referral], *, programme: Programme) -> list[Said]:
    """This will say each referral's Task to its referrer, where it is not what they were told last.

    Whoever subscribed is told of the same Tasks, and of no others: the consent bounds both alike.
    """
    some = list(referrals)
    if not some:
        return []
    tasks = await bodies(db, some, programme=programme)
    moment = now()
    said: list[Said] = []
    told = {}
    for each in some:
        body = tasks[each.referral_id]
        fingerprint = _fingerprint(body)
        if fingerprint != each.told:
            told[each.referral_id] = fingerprint
            dated = answers.dated(body, moment)
            said.append(Status(each.organisation, "referral", str(each.referral_id), dated))
    await store.tell(db, told, moment)
    return [*said, *await announce(db, said)]
