"""How a person is reached from now on, as somebody at the programme learnt it from them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.comparing import to_compare
from services.referrals.handlers.held import NotWaiting, Unknown, written_down
from services.referrals.handlers.outcomes import reached
from services.referrals.rules.journey import HELD
from services.referrals.rules.order import Reach
from shared.calendar import add_business_days
from shared.clock import now
from shared.events.referrals import ContactShared
from shared.linked import with_linked
from shared.mailbox import Reply
from shared.programme import Programme
from shared.work import Asked, close_task, open_each

CONTACT_ELSEWHERE = "contact_elsewhere"
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
    theirs = await store.alone(db, await store.ids_of_people(db, [referral.person_id]))
    known = {one: _with_contact(each, contacting.reaches, now()) for one, each in theirs.items() if _counts(each)}
    mine = known.get(referral.referral_id)
    if mine is None or mine.state == "needs_info":
        raise NotWaiting
    await store.change(db, list(known.values()))
    await store.note(db, [written_down(each, "contact_changed", contacting.by) for each in known.values()])
    await close_task(db, kind=CONTACT_ELSEWHERE, about=str(referral.person_id), by=contacting.by)
    others = await with_linked(db, [referral.person_id]) - {referral.person_id}
    linked = (await store.by_ids(db, await store.ids_of_people(db, others))).values()
    await open_each(db, _to_ask(filter(_counts, linked), contacting.reaches, programme))
    said = [_told(known.values(), programme), *to_compare(mine)]
    return Reply(mine.state, [each for each in said if each])


def _counts(referral: store.Referral) -> bool:
    """This will say whether a referral goes on, went on, or may come again."""
    may_come_again = referral.ended_by_sender and not referral.never_had
    return not referral.test and (referral.state != "refused" or may_come_again)


def _with_contact(referral: store.Referral, reaches: tuple[Reach, ...], at: datetime) -> store.Referral:
    person = referral.order.person.model_copy(update={"reaches": list(reaches)})
    return replace(referral, order=referral.order.model_copy(update={"person": person}), contact_learnt_at=at)


def _told(known: Iterable[store.Referral], programme: Programme) -> ContactShared | None:
    """This will tell whoever writes to the person, where they know them: by the referral that came last."""
    accepted = [each for each in known if each.state not in (*HELD, "refused")]
    last = max(accepted, key=lambda each: each.arrived_at, default=None)
    return reached(last, programme=programme, at=now()) if last else None


def _to_ask(linked: Iterable[store.Referral], reaches: tuple[Reach, ...], programme: Programme) -> list[Asked]:
    """This will ask once about each person who is reached otherwise."""
    others = [each for each in linked if tuple(each.order.person.reaches) != reaches]
    sites = {each.person_id: programme.site(each.site_id) for each in others}
    return [
        Asked(
            kind=CONTACT_ELSEWHERE,
            about=str(person_id),
            owner="intake",
            due=add_business_days(site, now(), 1),
            note=ELSEWHERE.format(person=person_id),
        )
        for person_id, site in sites.items()
    ]
