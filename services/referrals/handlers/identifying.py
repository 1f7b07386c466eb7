"""What a named person finds of two people who may be one human being, and what follows from it everywhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.comparing import ONE_COMPARISON_AT_A_TIME, POSSIBLE_DUPLICATE, to_look_at
from services.referrals.handlers.consenting import NobodyKnown
from services.referrals.handlers.held import written_down
from services.referrals.rules import identity
from services.referrals.rules.identity import Everybody, Two, Verdict
from shared.calendar import add_business_days
from shared.clock import now
from shared.database import lock
from shared.events.referrals import PersonLinked
from shared.linked import linked
from shared.mailbox import Reply
from shared.programme import Programme
from shared.work import Asked, close_tasks, open_each

ASK = (
    "Their consents ended by the word of a record that is another human being's. Ask them what they want; what they "
    "sign is kept by POST /people/{person}/consents."
)


@dataclass(frozen=True, kw_only=True)
class Identifying:
    """Who found that two people are one human being, or are not, and why they say so."""

    person_id: UUID
    other_id: UUID
    verdict: Verdict
    by: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Everybody who is one human being with somebody, and what was found of others like them; `referrals` by person."""

    same: frozenset[UUID]
    referrals: dict[UUID, list[UUID]]
    likenesses: list[store.Likeness]


async def identify(identifying: Identifying, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will keep what a named person found of two people, and say who is one human being now.

    NobodyKnown where one of them is not known; identity.Contradiction where something else was found of them before.
    """
    await lock(db, ONE_COMPARISON_AT_A_TIME)
    two = identity.pair(identifying.person_id, identifying.other_id)
    told = await store.of_people(db, two)
    if len(told) < 2:
        raise NobodyKnown
    known = await store.likenesses_around(db, two)
    before = {each: like.verdict for each, like in known.items()}
    after = identity.answer(before, two, identifying.verdict)
    if after == before:
        return Reply(None)
    await store.keep_verdict(db, _found(identifying, two))
    facts = _links(identity.everybody(before), identity.everybody(after), at=now())
    if before.get(two) == "same":
        await _ask_again(db, known[two], identity.everybody(before)[two[0]], told, programme=programme)
    await linked(facts, db)
    what = "found_same_person" if identifying.verdict == "same" else "found_different_person"
    lines = [written_down(each, what, identifying.by, identifying.reason) for mine in told.values() for each in mine]
    await store.note(db, lines)
    await _ask_on(db, known, after, identifying.by, programme=programme)
    return Reply(None, facts)


async def _ask_again(
    db: AsyncConnection,
    undone: store.Likeness,
    group: Iterable[UUID],
    told: Mapping[UUID, Sequence[store.Referral]],
    *,
    programme: Programme,
) -> None:
    """This will have somebody ask those whose consents ended by the word of another, while a link was wrong."""
    since = undone.found_at or undone.noticed_at
    ended = await store.people_with(db, group, store.REVOKED_BY_LINK, since=since)
    site = programme.site(next(mine[0].site_id for mine in told.values()))
    due = add_business_days(site, now(), 1)
    some = [
        Asked(kind="consent_ended_by_link", about=str(each), owner="intake", due=due, note=ASK.format(person=each))
        for each in sorted(ended)
    ]
    await open_each(db, some)


def _found(identifying: Identifying, two: Two) -> store.Likeness:
    return store.Likeness(
        two=two,
        why=(),
        noticed_at=now(),
        verdict=identifying.verdict,
        by=identifying.by,
        reason=identifying.reason,
        found_at=now(),
    )


def _links(before: Everybody, after: Everybody, *, at: datetime) -> list[PersonLinked]:
    """This will say of everybody for whom somebody else stands now who that is."""
    stood = {each: identity.stands_for(group) for each, group in before.items()}
    stands = {each: identity.stands_for(group) for each, group in after.items()}
    return [
        PersonLinked(person_id=each, same_as=stands[each], found_at=at)
        for each in sorted(stands)
        if stands[each] != stood.get(each, each)
    ]


async def _ask_on(
    db: AsyncConnection,
    known: Mapping[Two, store.Likeness],
    found: Mapping[Two, Verdict | None],
    by: str,
    *,
    programme: Programme,
) -> None:
    """This will ask nobody any more what is answered by now, and ask again what is not after all."""
    asked = identity.still_asked(found)
    answered = [f"{one} {other}" for one, other in found.keys() - asked]
    await close_tasks(db, kind=POSSIBLE_DUPLICATE, abouts=answered, by=by)
    await open_each(db, [to_look_at(known[each], None, programme=programme) for each in sorted(asked)])


async def identity_of(db: AsyncConnection, person_id: UUID) -> Identity:
    """This will give who somebody is one human being with, and may be; NobodyKnown where there is no such person."""
    around = await store.likenesses_around(db, [person_id])
    groups = identity.everybody({two: each.verdict for two, each in around.items()})
    group = groups.get(person_id, frozenset({person_id}))
    theirs = {two: each for two, each in around.items() if group & set(two)}
    told = await store.of_people(db, group.union(*theirs))
    if person_id not in told:
        raise NobodyKnown
    referrals = {one: [each.referral_id for each in mine] for one, mine in sorted(told.items())}
    return Identity(same=group, referrals=referrals, likenesses=[theirs[each] for each in sorted(theirs)])
