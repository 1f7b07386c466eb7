"""How a person is reached from now on, as somebody at the programme learnt it."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.held import NotWaiting, Unknown, written_down
from services.referrals.handlers.outcomes import newly_reached
from services.referrals.rules.journey import HELD, OVER
from services.referrals.rules.order import Reach
from shared.clock import now
from shared.linked import with_linked
from shared.mailbox import Reply
from shared.programme import Programme


@dataclass(frozen=True, kw_only=True)
class Contacting:
    """How somebody agreed to be reached, instead of all that was known; and who learnt it."""

    referral_id: UUID
    by: str
    reaches: tuple[Reach, ...]


async def reach(contacting: Contacting, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will have a person written to and phoned only so from now on; NotWaiting where their referral is over.

    It counts for each of their referrals that go on, and those of whoever is one human being with them. Of what is held
    nobody else hears before it is accepted.
    """
    referral = await store.by_id(db, contacting.referral_id)
    if referral is None:
        raise Unknown
    people = await with_linked(db, [referral.person_id])
    theirs = (await store.alone(db, await store.ids_of_people(db, people))).values()
    known = {each.referral_id: _reached(each, contacting.reaches) for each in theirs if each.state not in OVER}
    if referral.test or referral.referral_id not in known:
        raise NotWaiting
    await store.change(db, list(known.values()))
    await store.note(db, [written_down(each, "contact_changed", contacting.by) for each in known.values()])
    accepted = {each.person_id: each for each in known.values() if each.state not in HELD}
    said = [newly_reached(each, programme=programme, at=now()) for each in accepted.values()]
    return Reply(known[referral.referral_id].state, said)


def _reached(referral: store.Referral, reaches: tuple[Reach, ...]) -> store.Referral:
    person = referral.order.person.model_copy(update={"reaches": list(reaches)})
    return replace(referral, order=referral.order.model_copy(update={"person": person}))
