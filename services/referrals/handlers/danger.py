"""Follows a danger sign until somebody was paged about it, and a named person took it in hand."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.held import NotWaiting, one_alone, written_down
from services.referrals.handlers.outcomes import IN_DANGER
from services.referrals.handlers.telling import tell
from services.referrals.handlers.winding import wind
from services.referrals.rules.triage import PHONE_WITHIN
from shared.clock import now
from shared.events.notifications import OnCallPaged
from shared.events.referrals import CrisisAcknowledged
from shared.mailbox import Reply
from shared.programme import Programme
from shared.work import Asked, hand_over


async def acknowledge(taking: tuple[UUID, str], db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will let a named person take a danger sign in hand, also from another: nobody else is paged about it.

    It stays raised until it is looked at and cleared.
    """
    referral_id, by = taking
    referral = await one_alone(db, referral_id)
    if referral.crisis_at is None:
        raise NotWaiting
    at = now()
    in_hand, _ = wind(replace(referral, acknowledged_at=at), programme=programme, at=at)
    await store.change(db, [in_hand])
    await store.note(db, [written_down(referral, "acknowledged", by)])
    taken = Asked(kind="crisis_taken", about=str(referral_id), owner=by, due=referral.crisis_at + PHONE_WITHIN)
    await hand_over(db, kinds=IN_DANGER, about=taken.about, to=taken)
    fact = CrisisAcknowledged(
        referral_id=referral_id,
        person_id=referral.person_id,
        raised_at=referral.crisis_at,
        acknowledged_by=by,
        acknowledged_at=at,
    )
    return Reply(referral.state, [fact, *await tell(db, [in_hand], programme=programme)])


async def paged(facts: list[OnCallPaged], db: AsyncConnection) -> None:
    """This will keep that somebody was paged about the danger signs that are the last of their referrals."""
    known = await store.alone(db, {each.referral_id for each in facts})
    heard = {
        each.referral_id: replace(referral, paged_at=each.paged_at)
        for each in facts
        if (referral := known.get(each.referral_id)) and referral.crisis_at == each.raised_at
    }
    await store.change(db, list(heard.values()))
    entries = [
        store.Entry(referral_id=each.referral_id, what="paged", at=each.paged_at, key=str(each.page_id))
        for each in facts
        if each.referral_id in known
    ]
    await store.note(db, entries)
