"""Keeps the directory: the programme's own people put entries into it, and end those that are over."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.rules.directory import Entry, Listed, twin
from shared.clock import now
from shared.database import lock
from shared.mailbox import Reply

Outcome = Literal["registered", "changed", "known"]
ONE_AT_A_TIME = "directory"


class NoEntry(LookupError):
    """There is no such entry."""


class SameLabel(ValueError):
    """Another entry has this label: who is pointed to both could not tell them apart."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """An entry as one of the programme's organisations wants it."""

    organisation: str
    entry_id: UUID
    entry: Entry


async def put(listing: Listing, db: AsyncConnection, *, shipped: Mapping[UUID, Entry]) -> Reply:
    """This will keep an entry, and open it again where it was over; the same again changes nothing."""
    await lock(db, ONE_AT_A_TIME)
    listed = await store.directory_of(db, shipped)
    before = listed.get(listing.entry_id)
    if before and before.entry == listing.entry and before.ended_at is None:
        return Reply((before, "known"))
    if twin(listing.entry, listed, but=listing.entry_id):
        raise SameLabel
    after = Listed(entry_id=listing.entry_id, entry=listing.entry, kept_by=listing.organisation)
    await store.list_entry(db, after, at=now())
    return Reply((after, "changed" if before else "registered"))


async def end(ending: tuple[UUID, str], db: AsyncConnection, *, shipped: Mapping[UUID, Entry]) -> Reply:
    """This will end an entry, one that was shipped too: nobody is pointed to it any more, nor led there."""
    entry_id, organisation = ending
    await lock(db, ONE_AT_A_TIME)
    before = (await store.directory_of(db, shipped)).get(entry_id)
    if before is None:
        raise NoEntry
    if before.ended_at:
        return Reply(before)
    after = replace(before, kept_by=organisation, ended_at=now())
    await store.list_entry(db, after, at=now())
    return Reply(after)
