"""Takes in what insurers post of members: each is answered the same, whoever is a member of the programme or not.

What is posted is kept by a keyed fingerprint, and answered. Whether anybody here is that member is looked at a little
later, in a transaction of its own, so that not even the time that an answer takes tells it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.reading import Refused, read
from services.scheduling.rules.plans import Plans
from services.scheduling.rules.told import (
    AHEAD,
    REMEMBERED,
    AuthorizationTold,
    CoverageTold,
    Outcome,
    Statement,
    ToldOtherwise,
    outcome_of,
)
from services.scheduling.store import statements as store
from services.scheduling.store.covering import member_key
from shared.clock import now
from shared.database import lock
from shared.events.scheduling import InsurerTold, StatementsFellDue
from shared.mailbox import Ingested, Later, Said, Status
from shared.programme import Organisation, Programme

AFTERWARDS = timedelta(seconds=2)
"""By then the answer is long on its way."""
OLD = REMEMBERED + AHEAD
"""After so long nothing counts that was told: it is forgotten."""
Read = Callable[[Ingested, Organisation], Statement]


async def coverage_posted(posted: Sequence[Ingested], db: AsyncConnection, *, programme: Programme) -> list[Said]:
    """This will keep on which days, and under which plans, insurers say that they cover members."""
    return await _take(posted, db, programme=programme, reads=_coverage)


async def authorization_posted(
    posted: Sequence[Ingested], db: AsyncConnection, *, programme: Programme, plans: Plans
) -> list[Said]:
    """This will keep where authorisations stand, as insurers say."""

    def reads(post: Ingested, payer: Organisation) -> Statement:
        return _authorization(post, payer, plans)

    return await _take(posted, db, programme=programme, reads=reads)


async def _take(posted: Sequence[Ingested], db: AsyncConnection, *, programme: Programme, reads: Read) -> list[Said]:
    found = [_read(each, programme, reads) for each in posted]
    told = [each for each in found if isinstance(each, Statement)]
    # Whoever learns of a coverage takes its turn by the same name: one of the two sees what the other kept.
    await lock(db, *{f"member {each.member_key}" for each in told})
    known = await store.known(db, [each.statement_id for each in told], since=now() - REMEMBERED)
    news: dict[UUID, Statement] = {}
    answers = [_heard(each, known, news) for each in found]
    await store.keep(db, news.values(), at=now())
    forgets = [_forgets(now())] if news else []
    return [*map(_status, posted, answers), *_rings(posted, found, answers), *forgets]


async def forget(_: Sequence[StatementsFellDue], db: AsyncConnection) -> list[Later]:
    """This will forget what insurers told long ago of whom nobody here knows, and ring again for the rest."""
    at = now()
    is_more = await store.forget_strangers(db, before=at - OLD, at=at)
    soon = StatementsFellDue(told_on=(at - OLD).date())
    return [_forgets(at), *([Later(soon, due=at, key=at.isoformat())] if is_more else [])]


def _forgets(told_at: datetime) -> Later:
    """This will ring once for everything that was told, or is still kept, on a day."""
    day = told_at.astimezone(UTC).date()
    ends = datetime.combine(day + timedelta(days=1), time(), UTC)
    return Later(StatementsFellDue(told_on=day), due=ends + OLD)


def _rings(
    posted: Sequence[Ingested], told: Sequence[Statement | Refused], answers: Sequence[Outcome | Refused]
) -> list[Later]:
    """This will ring once for each member of whom there is news: the post tells one ring from the one before."""
    news = {
        each.member_key: post.message_id
        for post, each, answer in zip(posted, told, answers, strict=True)
        if isinstance(each, Statement) and answer == "taken"
    }
    due = now() + AFTERWARDS
    return [Later(InsurerTold(member_key=key), due=due, key=post_id) for key, post_id in news.items()]


def _read(post: Ingested, programme: Programme, reads: Read) -> Statement | Refused:
    payer = programme.organisations.get(post.organisation)
    if payer is None or payer.kind != "payer":
        return Refused.at("subject", "only organisations of kind payer tell of coverage and authorisations")
    try:
        return reads(post, payer)
    except Refused as wrong:
        return wrong


def _coverage(post: Ingested, payer: Organisation) -> Statement:
    told = read(post.body, post.content_type, kind=post.kind, schema=CoverageTold)
    for place, each in enumerate(told.spans):
        if each.plan_id not in payer.plan_ids:
            remedy = f"name one of your plans: {', '.join(sorted(payer.plan_ids)) or 'the programme knows none yet'}"
            raise Refused.at(f"$.spans[{place}].plan_id", remedy)
    return _statement(post, told)


def _authorization(post: Ingested, payer: Organisation, plans: Plans) -> Statement:
    told = read(post.body, post.content_type, kind=post.kind, schema=AuthorizationTold)
    if told.code not in (codes := plans.codes(payer.plan_ids)):
        remedy = f"name a service of your plans: {', '.join(sorted(codes)) or 'the programme knows none yet'}"
        raise Refused.at("$.code", remedy)
    return _statement(post, told, told.number)


def _statement(post: Ingested, told: CoverageTold | AuthorizationTold, number: str = "") -> Statement:
    if told.as_of > now() + AHEAD:
        raise Refused.at("$.as_of", "this is still to come: send the moment at which you knew this")
    if told.as_of < now() - REMEMBERED:
        raise Refused.at("$.as_of", f"this is older than {REMEMBERED.days} days: send what you know today")
    key = member_key(post.organisation, told.member_id, told.birth_date)
    return Statement(
        statement_id=store.statement_id(key, post.kind, number),
        payer=post.organisation,
        member_key=key,
        kind=post.kind,
        words=told.words(),
        as_of=told.as_of,
    )


def _heard(said: Statement | Refused, known: dict[UUID, Statement], news: dict[UUID, Statement]) -> Outcome | Refused:
    """This will answer one, and put what counts from now on among what is known, for those who come after.

    The same words as of a later moment are kept, so that nothing from between takes their place.
    """
    if isinstance(said, Refused):
        return said
    before = known.get(said.statement_id)
    try:
        outcome = outcome_of(said, before)
    except ToldOtherwise:
        return Refused.at("$.as_of", "you told something else as of this moment: send a later one")
    if before is None or said.as_of > before.as_of:
        known[said.statement_id] = news[said.statement_id] = said
    return outcome


def _status(post: Ingested, answer: Outcome | Refused) -> Status:
    """This will tell an insurer what became of its post: nothing of the member, and nothing that it did not tell."""
    if isinstance(answer, Refused):
        return post.told({"status": "refused", "message_id": post.known_as, "errors": answer.errors})
    return post.told({"status": "accepted", "message_id": post.known_as, "outcome": answer})
