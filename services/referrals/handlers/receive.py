"""Takes in what organisations posted, over HTTP or on the bus, once: whatever gathered is one intake."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.fhir.answers import words_for
from services.referrals.fhir.changes import TakenBack
from services.referrals.fhir.outcome import Issue, Kept, Refused, outcome
from services.referrals.fhir.outcome import refuse as refusal
from services.referrals.handlers.arrivals import Post, Received, arrivals_of
from services.referrals.handlers.beginning import begin
from services.referrals.handlers.telling import tasks_of
from services.referrals.hl7v2 import message
from services.referrals.reading import OURS, Posted, Reading, read
from services.referrals.rules import triage
from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.playing import PLAYS, PREFIX, UnknownOutcome, outcome_of
from shared.clock import now
from shared.mailbox import Ingested, Reply, Said, Status
from shared.programme import Organisation, Programme

OF_ANOTHER = (
    "nothing was taken back: the referral of this number is of another person, by birth date and given name. Send the "
    "number that you mean, or the right person; somebody here will ask you."
)
MOST_AT_ONCE = 2_000
"""Referrals in one transaction: each takes locks, of which PostgreSQL has some ten thousand for everybody."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A change of a Task by its referrer; `read` gives how it is taken back, from what the Task says at that moment.

    It gives None where the Task says so already, and raises Refused where its referrer means another version.
    """

    post_id: UUID
    organisation: str
    referral_id: UUID
    read: Callable[[dict[str, Any]], TakenBack | None]


class TooMany(RuntimeError):
    """More referrals gathered than one transaction should take; whoever gathered them takes them one by one."""


async def receive(posts: list[Post], db: AsyncConnection, *, programme: Programme) -> list[Reply]:
    """This will take in every referral of some posts, and answer each post with a list of Received."""
    found, said = await _take_in(posts, db, programme=programme)
    # What follows from all of them is said together, in order; the last answer carries it.
    return [Reply(each, said if place == len(found) else None) for place, each in enumerate(found, 1)]


async def revise(revision: Revision, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will take a referral back as a list of Received, empty where nothing changes; nobody else does meanwhile."""
    (known,) = (await store.by_ids(db, [revision.referral_id])).values()
    # Whoever else comes with it waits as they do for a post: in the one order of locks.
    intake = await begin(db, arrivals_of(_post(revision, known.order)), programme=programme, at=now())
    known = intake.before.known[known.referral_id]
    task = (await tasks_of(db, [known], programme=programme))[known.referral_id]
    back = revision.read(task.body)
    if back is None:
        return Reply([])
    notes = [*known.order.notes, *([back.reason] if back.reason else [])]
    order = known.order.model_copy(update={"status": back.status, "notes": notes})
    received = [intake.take(each) for each in arrivals_of(_post(revision, order))]
    return Reply(received, await intake.save(db))


def _post(revision: Revision, order: ReferralOrder) -> Post:
    reading = Reading([Posted(order, known=revision.referral_id)])
    return Post(post_id=revision.post_id, organisation=revision.organisation, reading=reading)


async def ingest(ingested: list[Ingested], db: AsyncConnection, *, programme: Programme) -> list[Said]:
    """This will take in posts from the bus; what cannot be read is accounted for and said back."""
    posts, refused, readable = [], [], []
    for each in ingested:
        try:
            posts.append(_read(each, programme))
            readable.append(each)
        except Refused as wrong:
            refused.append((each, wrong))
    received, said = await _take_in(posts, db, programme=programme)
    wrongs = [(UUID(each.message_id), each.organisation, wrong) for each, wrong in refused]
    await store.refuse(db, [_refusal(*each, programme=programme) for each in wrongs])
    for each, some in zip(readable, received, strict=True):
        if kept := not_ended(some, person=_place_of_person(each), programme=programme):
            refused.append((each, kept))
    return [*said, *(_answer(each, wrong, programme) for each, wrong in refused)]


def not_ended(received: Sequence[Received], *, person: str, programme: Programme) -> Kept | None:
    """This will say what is told to whoever takes back a referral of another person; `person` is the place of theirs.

    Where several came together, each has its own answer: that it goes on.
    """
    if len(received) != 1 or not received[0].of_another:
        return None
    known = received[0].referral
    words = [words_for(known.order, programme.site(known.site_id))] if known.crisis_at else []
    return Kept(409, [Issue("conflict", person, " ".join([OF_ANOTHER, *words]))])


def _place_of_person(ingested: Ingested) -> str:
    if message.begins(ingested.body):
        return "PID"
    return "person" if ingested.content_type.startswith(OURS) else "Patient"


async def _take_in(
    posts: Sequence[Post], db: AsyncConnection, *, programme: Programme
) -> tuple[list[list[Received]], list[Said]]:
    """This will load what is known, decide about one referral after another, and keep everything."""
    if not posts:
        return [], []
    arrivals = [arrivals_of(each) for each in posts]
    if len(posts) > 1 and sum(map(len, arrivals)) > MOST_AT_ONCE:
        raise TooMany
    intake = await begin(db, [each for some in arrivals for each in some], programme=programme, at=now())
    received = [[intake.take(each) for each in some] for some in arrivals]
    return received, await intake.save(db)


def _read(ingested: Ingested, programme: Programme) -> Post:
    if ingested.organisation not in programme.organisations:
        raise refusal("login", "subject", "post as an organisation of this programme")
    reading = read(ingested.body, ingested.content_type)
    check(reading, programme, ingested.organisation)
    return Post(post_id=UUID(ingested.message_id), organisation=ingested.organisation, reading=reading)


def check(reading: Reading, programme: Programme, organisation: str) -> None:
    """This will refuse a post that names a site which the programme does not have.

    Of an organisation for tests also an unknown outcome; of any other, what says of itself that it is a test.
    """
    if programme.organisations[organisation].test:
        _refuse_unknown_outcomes(reading)
    for each in reading.posted:
        if each.order.site and each.order.site not in programme.sites:
            raise refusal("code-invalid", "site", "name a site of this programme, or leave the site out")
    if reading.marked and not programme.organisations[organisation].test:
        raise _is_a_test(reading, programme, programme.organisations[organisation])


def _is_a_test(reading: Reading, programme: Programme, organisation: Organisation) -> Refused:
    """This will refuse what is marked as a test; where it tells of danger, with the emergency words."""
    told = [
        "this is marked as a test: post it as your organisation for tests (docs/sandbox.md), or without the mark where "
        "it is about a person; nothing was taken in."
    ]
    in_danger = [each.order for each in reading.posted if triage.in_danger(each.order)]
    words = [words_for(each, programme.site(each.site or organisation.site_id)) for each in in_danger]
    if words:
        told.append("Nobody was paged. If somebody may be in danger now, do not wait for us:")
    return refusal("business-rule", reading.marked, " ".join([*told, *dict.fromkeys(words)]))


def _refuse_unknown_outcomes(reading: Reading) -> None:
    try:
        for each in reading.posted:
            outcome_of(each.order)
    except UnknownOutcome:
        known = ", ".join(PREFIX + each for each in PLAYS)
        raise refusal("code-invalid", "identifier", f"ask for one of {known}, or let no number begin so") from None


def _answer(ingested: Ingested, wrong: Refused, programme: Programme) -> Status:
    return ingested.told(outcome(wrong.issues, test=_is_for_tests(ingested.organisation, programme)))


async def refuse(refused: tuple[UUID, str, Refused], db: AsyncConnection, *, programme: Programme) -> None:
    """This will account for a post of an organisation that was refused."""
    await store.refuse(db, [_refusal(*refused, programme=programme)])


def _refusal(post_id: UUID, organisation: str, wrong: Refused, *, programme: Programme) -> store.Refusal:
    """This will write down where and what was wrong, never the value, nor names out of JSON that made no sense."""
    first = wrong.issues[0]
    place = "$" if first.expression.startswith("$") else first.expression
    return store.Refusal(
        refusal_id=post_id,
        organisation=organisation,
        place=place,
        code=first.code,
        at=now(),
        test=_is_for_tests(organisation, programme),
    )


def _is_for_tests(organisation: str, programme: Programme) -> bool:
    known = programme.organisations.get(organisation)
    return known is not None and known.test


__all__ = ["Post", "Received", "Revision", "check", "ingest", "not_ended", "receive", "refuse", "revise"]
