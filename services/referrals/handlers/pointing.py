"""Points people to entries of the directory, leads them there, and keeps what they say of it for themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.held import one_alone, written_down
from services.referrals.handlers.listing import NoEntry
from services.referrals.rules.directory import Entry
from services.referrals.rules.pointing import Said, Unfit, Whom, unfit
from shared.calendar import day_at
from shared.clock import now
from shared.mailbox import Reply
from shared.programme import Programme

THEMSELVES = "the person, on their own page"


class MayNotPoint(ValueError):
    """This person may not be pointed to this now; `why` says what is in the way."""

    def __init__(self, why: Unfit) -> None:
        super().__init__(why)
        self.why = why


class NoWay(LookupError):
    """There is no such link, or it leads nowhere any more."""


@dataclass(frozen=True, kw_only=True)
class Pointing:
    """Whom somebody at the programme points to what, by name."""

    referral_id: UUID
    entry_id: UUID
    by: str


@dataclass(frozen=True, kw_only=True)
class Word:
    """What somebody says, on the page of their referral, of what they were pointed to."""

    referral_id: UUID
    way: str
    said: Said


async def point(
    pointing: Pointing, db: AsyncConnection, *, programme: Programme, shipped: Mapping[UUID, Entry]
) -> Reply:
    """This will point a person to an entry; it answers with the pointer, the entry, and whether it is new."""
    referral = await one_alone(db, pointing.referral_id)
    listed = (await store.directory_of(db, shipped)).get(pointing.entry_id)
    if listed is None:
        raise NoEntry
    order, at = referral.order, now()
    whom = Whom(status=order.status, in_danger=referral.crisis_at is not None, birth_date=order.person.birth_date)
    today = day_at(programme.site(referral.site_id), at)
    if why := unfit(listed, whom, today=today):
        raise MayNotPoint(why)
    pointer = store.Pointer(referral_id=pointing.referral_id, entry_id=pointing.entry_id, by=pointing.by, pointed_at=at)
    is_new = await store.point(db, pointer)
    if is_new:
        await store.note(db, [replace(written_down(referral, "pointed", pointing.by), key=str(pointer.pointer_id))])
    known = await store.pointer_by_way(db, pointer.way)
    return Reply((known, listed, is_new))


async def lead_there(way: str, db: AsyncConnection, *, shipped: Mapping[UUID, Entry], works: int) -> Reply:
    """This will count that somebody follows a link, and answer with the address it leads to; NoWay for a wrong one.

    A link works for so many days.
    """
    pointer = await store.pointer_by_way(db, way)
    listed = (await store.directory_of(db, shipped)).get(pointer.entry_id) if pointer else None
    if pointer is None or listed is None or listed.ended_at or listed.entry.link is None:
        raise NoWay
    if now() >= pointer.works_until(works):
        raise NoWay
    await store.count_followed(db, pointer, at=now())
    await store.note(db, [_linked(pointer)])
    return Reply(str(listed.entry.link))


async def say(word: Word, db: AsyncConnection) -> Reply:
    """This will keep what somebody says of what they were pointed to; NoWay for what is not on their own page."""
    pointer = await store.pointer_by_way(db, word.way)
    if pointer is None or pointer.referral_id != word.referral_id:
        raise NoWay
    if pointer.said == word.said:
        return Reply(None)
    await store.say(db, pointer, word.said, at=now())
    said = store.Entry(
        referral_id=word.referral_id, what=word.said, at=now(), key=f"{pointer.pointer_id} {word.said}", by=THEMSELVES
    )
    await store.note(db, [said, *([_linked(pointer)] if word.said == "helped" else [])])
    return Reply(None)


def _linked(pointer: store.Pointer) -> store.Entry:
    """This will give the line that says that they went; it stands once, however often they go."""
    return store.Entry(
        referral_id=pointer.referral_id, what="linked", at=now(), key=str(pointer.pointer_id), by=THEMSELVES
    )
