"""Takes in what an organisation posted, over HTTP or on the bus, once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.fhir.outcome import Refused, outcome
from services.referrals.fhir.outcome import refuse as refusal
from services.referrals.fhir.reading import Posted, Reading, read
from services.referrals.handlers.outcomes import follow, in_words, raise_crisis
from services.referrals.handlers.telling import first
from services.referrals.rules import triage
from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.protection import protected
from shared.calendar import add_business_days
from shared.clock import now
from shared.database import lock
from shared.mailbox import Ingested, Reply, Said, Status
from shared.programme import Organisation, Programme, Site
from shared.work import open_task


@dataclass(frozen=True, kw_only=True)
class Post:
    """One post of an organisation; `post_id` tells it from another with the same content."""

    post_id: UUID
    organisation: str
    reading: Reading


@dataclass(frozen=True, kw_only=True)
class Received:
    """A referral as it is in the store, whether this post made it, and its place in the post."""

    referral: store.Referral
    new: bool
    entry: int


async def receive(post: Post, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will take in every referral of a post, and answer with a list of Received."""
    return Reply(*await _receive(post, db, programme=programme))


async def _receive(post: Post, db: AsyncConnection, *, programme: Programme) -> tuple[list[Received], list[Said]]:
    organisation = programme.organisations[post.organisation]
    _check(post.reading, programme)
    await _take_turns(post, db)
    said: list[Said] = []
    found = []
    for each in post.reading.posted:
        referral, new, words = await _receive_one(each, organisation, post.post_id, db, programme=programme)
        said += words
        found.append(Received(referral=referral, new=new, entry=each.entry))
    return found, said


async def _take_turns(post: Post, db: AsyncConnection) -> None:
    """This will let posts of the same referral pass one after another, in one order for all."""
    own = {store.placer_of(post.organisation, each.order) for each in post.reading.posted}
    asked = {store.named_by(post.organisation, each.unless) for each in post.reading.posted if each.unless}
    for name in sorted(own | asked):
        await lock(db, name)


def _check(reading: Reading, programme: Programme) -> None:
    for each in reading.posted:
        if each.order.site and each.order.site not in programme.sites:
            raise refusal("code-invalid", "site", "name a site of this programme, or leave the site out")


async def _receive_one(
    posted: Posted, organisation: Organisation, post_id: UUID, db: AsyncConnection, *, programme: Programme
) -> tuple[store.Referral, bool, list[Said]]:
    order, name = posted.order, organisation.organisation_id
    known = await store.by_placer(db, name, posted.unless.system, posted.unless.value) if posted.unless else None
    if known is None:
        known, said = await _add(order, organisation, db, programme=programme)
        if said:
            return known, True, said
    repeated, said = await _repeated(known, posted, post_id, db, programme=programme)
    return repeated, False, said


async def _add(
    order: ReferralOrder, organisation: Organisation, db: AsyncConnection, *, programme: Programme
) -> tuple[store.Referral, list[Said]]:
    """This will keep a referral and do what follows; or, saying nothing, give the one it made before."""
    name = organisation.organisation_id
    verdict = triage.triage(order, agreement_of(organisation), now())
    referral_id = store.new_id(name, order)
    person_id, others = await store.person_of(db, name, order, referral_id)
    fresh = _fresh(order, verdict, referral_id, person_id, name, programme.site(order.site or organisation.site_id))
    referral, status = first(fresh, programme=programme)
    if not await store.add(db, referral):
        return (await store.by_ids(db, [referral_id]))[referral_id], []
    if others:
        due = _screen_by(programme, referral, referral.arrived_at)
        await open_task(db, kind="same_person", about=str(referral_id), owner="intake", due=due)
    return referral, [*await follow(referral, verdict, db, programme=programme), status]


def _fresh(
    order: ReferralOrder, verdict: triage.Verdict, referral_id: UUID, person_id: UUID, organisation: str, site: Site
) -> store.Referral:
    moment = now()
    return store.Referral(
        referral_id=referral_id,
        person_id=person_id,
        organisation=organisation,
        site_id=site.site_id,
        content=store.content_of(organisation, order),
        order=order,
        part2=protected(order),
        first_outcome=verdict.outcome,
        state=verdict.outcome,
        reasons=(verdict.reason,) if verdict.reason else verdict.missing,
        arrived_at=moment,
        told_at=moment,
        latest=store.content_of(organisation, order),
        crisis_at=moment if verdict.outcome == "crisis_review" else None,
    )


def agreement_of(organisation: Organisation) -> triage.Agreement:
    """This will give what was agreed with an organisation, for the rules."""
    return triage.Agreement(screens_before_referring=organisation.screens_before_referring)


async def _repeated(
    known: store.Referral, posted: Posted, post_id: UUID, db: AsyncConnection, *, programme: Programme
) -> tuple[store.Referral, list[Said]]:
    """This will account for a repeat; what it changes is for a person to judge, what it raises is raised at once."""
    content = store.content_of(known.organisation, posted.order)
    repeat_id, changed = uuid5(post_id, str(posted.entry)), content != known.content
    await store.repeat(db, repeat_id=repeat_id, referral_id=known.referral_id, changed=changed, at=now())
    if content == known.latest:
        return known, []
    known = (await store.alone(db, [known.referral_id]))[known.referral_id]
    await store.came_again(db, known.referral_id, content)
    unseen = changed and await _compare(known, posted.order, content, db, programme=programme)
    in_crisis = known.crisis_at is not None
    if triage.news_of_danger(posted.order, known.order, in_crisis=in_crisis) and (unseen or not in_crisis):
        return await raise_crisis(known, db, programme=programme, note=in_words(posted.order))
    return known, []


async def _compare(
    known: store.Referral, order: ReferralOrder, content: str, db: AsyncConnection, *, programme: Programme
) -> bool:
    """This will ask a person to judge a repeat, and say whether nobody is asked that already."""
    about, due = f"{known.referral_id} {content[:12]}", _screen_by(programme, known, now())
    return await open_task(db, kind="changed_referral", about=about, owner="intake", due=due, note=in_words(order))


def _screen_by(programme: Programme, referral: store.Referral, moment: datetime) -> datetime:
    return add_business_days(programme.site(referral.site_id), moment, 1)


async def ingest(ingested: Ingested, db: AsyncConnection, *, programme: Programme) -> list[Said]:
    """This will take in a post from the bus; what cannot be read is accounted for and said back."""
    try:
        if ingested.organisation not in programme.organisations:
            raise refusal("login", "subject", "post as an organisation of this programme")
        reading = read(ingested.body, ingested.content_type)
        post = Post(post_id=UUID(ingested.message_id), organisation=ingested.organisation, reading=reading)
        _, said = await _receive(post, db, programme=programme)
    except Refused as wrong:
        await refuse((UUID(ingested.message_id), ingested.organisation, wrong), db)
        return [
            Status(ingested.organisation, "referral", ingested.reference or ingested.message_id, outcome(wrong.issues))
        ]
    return said


async def refuse(refused: tuple[UUID, str, Refused], db: AsyncConnection) -> None:
    """This will account for a post of an organisation that was refused.

    It writes down where and what, never the value, nor names out of JSON that made no sense.
    """
    post_id, organisation, wrong = refused
    first = wrong.issues[0]
    place = "$" if first.expression.startswith("$") else first.expression
    await store.refuse(db, refusal_id=post_id, organisation=organisation, place=place, code=first.code, at=now())


__all__ = ["Post", "Received", "ingest", "receive", "refuse"]
