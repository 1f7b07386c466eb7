"""What people at the programme do about a referral that waits for them: look at the risk, or learn what was missing."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.comparing import POSSIBLE_DUPLICATE, to_compare
from services.referrals.handlers.outcomes import (
    IN_DANGER,
    TASKS,
    Follows,
    follow,
    raise_crisis,
    settle,
    take_back,
    withheld,
)
from services.referrals.handlers.telling import retell, tell
from services.referrals.handlers.winding import CLOCK_TASKS, presses, wind
from services.referrals.rules.journey import MAY_END, TAKEN_BACK
from services.referrals.rules.minors import party
from services.referrals.rules.order import FEW, Reach, ReferralOrder
from services.referrals.rules.triage import Agreement, triage
from shared import consents
from shared.calendar import day_at
from shared.clock import now
from shared.events.referrals import ConsentRevoked, RiskCleared
from shared.linked import with_linked
from shared.mailbox import Reply, Said
from shared.programme import Programme
from shared.work import Task, close_task, close_tasks


class Unknown(LookupError):
    """There is no such referral."""


class NotWaiting(ValueError):
    """The referral does not wait for this."""


"""The line of a timeline that says that consents ended by the word of a linked record, not by the record's own."""
DONE_BY = {"crisis_review": "screening", "needs_screen": "screening", "needs_info": "details"}
"""The request by which what holds a referral in a state is done."""


@dataclass(frozen=True, kw_only=True)
class Screening:
    """What a named person found when looking at the risk, and why they say so."""

    referral_id: UUID
    by: str
    reason: str
    outcome: Literal["clear", "risk"]


@dataclass(frozen=True, kw_only=True)
class Guardian:
    """The parent or guardian who was asked, what they are to the person, and whether they agreed."""

    name: str
    relationship: str
    agreed: bool


@dataclass(frozen=True, kw_only=True)
class Details:
    """What was missing about a person, and who learnt it."""

    referral_id: UUID
    by: str
    reaches: tuple[Reach, ...] = ()
    birth_date: date | None = None
    deceased: bool | None = None
    still_wanted: bool | None = None
    guardian: Guardian | None = None


async def screen(screening: Screening, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will let a referral go on with its original arrival time, or put it before the on-call person."""
    referral = await one_alone(db, screening.referral_id)
    if referral.state != "needs_screen" and referral.crisis_at is None:
        raise NotWaiting
    cleared = screening.outcome == "clear"
    found = "risk_cleared" if cleared else "risk_found"
    await store.note(db, [written_down(referral, found, screening.by, screening.reason)])
    await close_task(db, kind="screening", about=str(referral.referral_id), by=screening.by)
    if cleared:
        return await _clear(referral, screening.by, db, programme=programme)
    if referral.crisis_at:
        return Reply(referral.state)
    raised, follows = raise_crisis(referral, note=screening.reason, programme=programme, at=now())
    await store.change(db, [raised])
    return Reply(raised.state, [*await settle(db, [follows]), *await tell(db, [raised], programme=programme)])


async def _clear(referral: store.Referral, by: str, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will say that a person cleared the risk, and let a referral that was held for it go on."""
    await close_tasks(db, kind=IN_DANGER, abouts=[str(referral.referral_id)], by=by)
    cleared = replace(referral, crisis_at=None)
    fact = RiskCleared(referral_id=referral.referral_id, person_id=referral.person_id, cleared_by=by, cleared_at=now())
    if referral.state not in DONE_BY:
        after, follows = _as_it_stood(cleared, programme=programme)
        await store.change(db, [after])
        said = await settle(db, [follows])
        return Reply(after.state, [fact, *said, *await tell(db, [after], programme=programme)])
    moved, said = await _go_on(cleared, db, programme=programme)
    return Reply(moved.state, [fact, *said])


def _as_it_stood(cleared: store.Referral, *, programme: Programme) -> tuple[store.Referral, Follows]:
    """This will let a referral go on where it stood; one that was taken back meanwhile ends, where nobody walks yet."""
    if cleared.order.status in TAKEN_BACK and cleared.state in MAY_END:
        return take_back(cleared, cleared.order, programme=programme, at=now())
    wound, rings = wind(cleared, programme=programme, at=now())
    return wound, Follows(said=list(rings), test=cleared.test)


async def learn(details: Details, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will add what was missing, and let the referral go on where nothing is missing any more."""
    referral = await one_alone(db, details.referral_id)
    asked = {"still_wanted": details.still_wanted, "guardian": details.guardian}
    again = "asked_again" in referral.reasons
    reasons = (*referral.reasons, "still_wanted") if again else referral.reasons
    unasked = [name for name, each in asked.items() if each is not None and name not in reasons]
    if referral.state != "needs_info" or unasked:
        raise NotWaiting
    known = _guarded(replace(referral, order=_with(referral.order, details, again=again)), details)
    if details.reaches:
        known = replace(known, contact_learnt_at=now())
    if details.still_wanted is not None:
        known = replace(known, reasons=tuple(each for each in known.reasons if each != "asked_again"))
    entries = [written_down(referral, "details_given", details.by)]
    if details.guardian:
        entries.append(written_down(referral, "guardian_asked", details.by))
    await store.note(db, entries)
    moved, said = await _go_on(known, db, programme=programme)
    if moved.state != "needs_info":
        await close_task(db, kind="missing_info", about=str(referral.referral_id), by=details.by)
    return Reply(moved.state, [*said, *to_compare(moved)])


async def still_waits(task: Task, db: AsyncConnection, *, programme: Programme) -> str | None:
    """This will name the request that does a task, while its referral is held for it, or somebody may be in danger.

    Whether two people are one is never done without an answer.
    """
    if task.kind == POSSIBLE_DUPLICATE:
        return f"POST /people/{task.about.split()[0]}/identity"
    if task.kind not in (*IN_DANGER, *TASKS.values(), *CLOCK_TASKS):
        return None
    held = await store.by_id(db, UUID(task.about))
    if held is None:
        return None
    if task.kind in CLOCK_TASKS and not held.crisis_at:
        over_by = held.act_by and held.act_by <= now()
        return _set_or_closed(held) if over_by or presses(held, programme, now()) else None
    done_by = "screening" if held.crisis_at else DONE_BY.get(held.state)
    return f"POST /referrals/{task.about}/{done_by}" if done_by else None


def _set_or_closed(referral: store.Referral) -> str:
    """This will say how the task of a clock is done, besides by doing what it waits for."""
    path = f"POST /referrals/{referral.referral_id}"
    return f"{path}/closure, or {path}/clock" if referral.state in MAY_END else f"{path}/clock"


WANTED: dict[bool | None, dict[str, Any]] = {
    True: {"status": "active"},
    False: {"status": "active", "peer_support_consent": False},
}
"""What is known when somebody has asked whether peer support is still wanted."""


def _guarded(referral: store.Referral, details: Details) -> store.Referral:
    """This will keep who agreed for a minor; where they did not, that nobody agreed to peer support."""
    asked = details.guardian
    if asked is None:
        return referral
    if not asked.agreed:
        return replace(referral, order=referral.order.model_copy(update={"peer_support_consent": False}))
    told = {"name": asked.name, "relationship": asked.relationship, "told": details.by, "at": now().isoformat()}
    return replace(referral, guardian=told)


def _with(order: ReferralOrder, details: Details, *, again: bool) -> ReferralOrder:
    person = order.person
    reaches = [*details.reaches, *(each for each in person.reaches if each not in details.reaches)][:FEW]
    birth_date = details.birth_date or person.birth_date
    deceased = person.deceased if details.deceased is None else details.deceased
    told = person.model_copy(update={"reaches": reaches, "birth_date": birth_date, "deceased": deceased})
    wanted = WANTED.get(details.still_wanted, {})
    if again and details.still_wanted is False:
        wanted = {"status": "withdrawn"}
    return order.model_copy(update={"person": told, **wanted})


async def revoke(revoking: tuple[UUID, str], db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will end every consent of a referral's person, at their wish, as told to a named person.

    It ends those of whoever is one human being with them, too, and their timelines say that it was by a link. What is
    still held will be accepted without those that were to count then. It answers with how many ended.
    """
    referral_id, by = revoking
    referral = await store.by_id(db, referral_id)
    if referral is None or referral.test:
        raise Unknown
    people = await with_linked(db, [referral.person_id])
    mine = await store.alone(db, await store.ids_of_people(db, people))
    agreed = (await consents.consents_of_many(db, people)).values()
    running = [each for some in agreed for each in some if not each.revoked_at]
    facts = [ConsentRevoked(consent_id=each.consent_id, person_id=each.person_id, revoked_at=now()) for each in running]
    await consents.revoked(facts, db)
    held = [withheld(each, programme=programme, at=now()) for each in mine.values() if each.state in DONE_BY]
    by_link = {each.person_id for each in facts} | {each.person_id for each, count in held if count}
    by_link.discard(referral.person_id)
    ended = [each for each in mine.values() if each.ended_by_sender]
    # What is asked for again later counts without them, too.
    again = [withheld(each, programme=programme, at=now())[0] for each in ended]
    await store.change(db, [*(each for each, _ in held), *again])
    await retell(db, mine.values(), programme=programme)
    whats = {each: store.REVOKED_BY_LINK if each in by_link else store.CONSENT_REVOKED for each in people}
    await store.note(db, [written_down(each, whats[each.person_id], by) for each in mine.values()])
    count = len(facts) + sum(each for _, each in held)
    return Reply(count, [*facts, *await tell(db, mine.values(), programme=programme)])


async def look(looking: tuple[UUID, str], db: AsyncConnection) -> Reply:
    """This will give a referral's whole record to somebody at the programme, and write down that it was looked at."""
    referral_id, by = looking
    referral = await store.by_id(db, referral_id)
    if referral is None:
        raise Unknown
    await store.note(db, [written_down(referral, "looked_at", by)])
    return Reply(referral)


async def one_alone(db: AsyncConnection, referral_id: UUID) -> store.Referral:
    """This will give a referral for this transaction alone to change until it ends."""
    referral = (await store.alone(db, [referral_id])).get(referral_id)
    if referral is None:
        raise Unknown
    if referral.test:
        # Nobody is asked about it, and what a person found would be told to other services.
        raise NotWaiting
    return referral


def written_down(referral: store.Referral, what: str, by: str, note: str | None = None) -> store.Entry:
    """This will give the line of the timeline that says what a named person did."""
    # What a person did is never a repeat of what they did before, even in the same moment.
    key = str(uuid4())
    return store.Entry(referral_id=referral.referral_id, what=what, at=now(), key=key, by=by, note=note)


async def _go_on(
    referral: store.Referral, db: AsyncConnection, *, programme: Programme
) -> tuple[store.Referral, list[Said]]:
    """This will triage again what a person looked at, or learnt more about."""
    at = now()
    site = programme.site(referral.site_id)
    who = party(referral.order, programme, site, at)
    lacks_guardian = who == "guardian" and referral.guardian is None
    again = "asked_again" in referral.reasons
    today = day_at(site, at)
    verdict = triage(referral.order, Agreement(), today, cleared=True, lacks_guardian=lacks_guardian, again=again)
    moved, rings = wind(replace(referral, state=verdict.outcome, reasons=verdict.reasons), programme=programme, at=at)
    await store.change(db, [moved])
    said = await settle(db, [follow(moved, verdict, programme=programme, at=at)])
    return moved, [*said, *rings, *await tell(db, [moved], programme=programme)]
