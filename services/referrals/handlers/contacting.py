"""How a person is reached from now on, as somebody at the programme learnt it from them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.comparing import to_compare
from services.referrals.handlers.held import NotWaiting, Unknown, written_down
from services.referrals.handlers.outcomes import contact_learnt
from services.referrals.rules.journey import HELD
from services.referrals.rules.order import Reach
from shared.calendar import add_business_days
from shared.clock import now
from shared.events.referrals import ContactShared
from shared.linked import with_linked
from shared.mailbox import Reply
from shared.programme import Programme
from shared.work import Asked, open_each

ELSEWHERE = (
    "Another record of the same human being is reached otherwise from now on. Ask them whether that counts here, too: "
    "GET /people/{person}/identity lists the referrals, POST /referrals/{{id}}/contact keeps it."
)


@dataclass(frozen=True, kw_only=True)
class Contacting:
    """How somebody agreed to be reached, instead of all that was known; and who learnt it."""

    referral_id: UUID
    by: str
    reaches: tuple[Reach, ...]


async def reach(contacting: Contacting, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will have a person written to and phoned only so from now on; NotWaiting where no referral of theirs can be.

    It counts for each of their referrals, whatever a referrer says later. Of what is held nobody else hears before it
    is accepted; what is missing of it is given as details. Of a linked record somebody is asked.
    """
    referral = await store.by_id(db, contacting.referral_id)
    if referral is None:
        raise Unknown
    theirs = await _that_count(db, [referral.person_id])
    if referral.referral_id not in {each.referral_id for each in theirs} or referral.state == "needs_info":
        raise NotWaiting
    known = [_reached(each, contacting.reaches) for each in theirs]
    await store.change(db, known)
    await store.note(db, [written_down(each, "contact_changed", contacting.by) for each in known])
    others = await with_linked(db, [referral.person_id]) - {referral.person_id}
    await open_each(db, _to_ask(await _that_count(db, others), programme, now()))
    said = [_told(known, programme), *to_compare(_reached(referral, contacting.reaches))]
    return Reply(referral.state, [each for each in said if each])


async def _that_count(db: AsyncConnection, people: Iterable[UUID]) -> list[store.Referral]:
    """This will list, for this transaction alone, the referrals of people that go on, went on, or may come again."""
    found = await store.alone(db, await store.ids_of_people(db, people))
    return [each for each in found.values() if not each.test and (each.state != "refused" or _may_come_again(each))]


def _may_come_again(referral: store.Referral) -> bool:
    return referral.ended_by_sender and not referral.never_had


def _reached(referral: store.Referral, reaches: tuple[Reach, ...]) -> store.Referral:
    person = referral.order.person.model_copy(update={"reaches": list(reaches)})
    return replace(referral, order=referral.order.model_copy(update={"person": person}))


def _told(known: Sequence[store.Referral], programme: Programme) -> ContactShared | None:
    """This will tell whoever writes to the person, where they know them: by the referral that came last."""
    accepted = [each for each in known if each.state not in (*HELD, "refused")]
    last = max(accepted, key=lambda each: each.arrived_at, default=None)
    return contact_learnt(last, programme=programme, at=now()) if last else None


def _to_ask(others: Iterable[store.Referral], programme: Programme, at: datetime) -> list[Asked]:
    """This will ask once about each person."""
    sites = {each.person_id: programme.site(each.site_id) for each in others}
    return [
        Asked(
            kind="contact_elsewhere",
            about=str(person_id),
            owner="intake",
            due=add_business_days(site, at, 1),
            note=ELSEWHERE.format(person=person_id),
        )
        for person_id, site in sites.items()
    ]
