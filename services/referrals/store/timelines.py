"""Timelines: what happened to each referral, each thing once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.journey import KEPT, Event
from services.referrals.rules.seeing import LATE, Milestones
from services.referrals.store.tables import referrals, timeline
from shared.database import UtcTime, insert_or_ignore
from shared.ids import beside
from shared.several import among

COLUMNS = ("referral_id", "what", "at", "about", "number", "by", "note")
TOLD: tuple[Event, ...] = ("series_booked", *KEPT, "series_ended", "bridge_offered")
NOTE = insert_or_ignore(timeline)
COUNTS_AGAIN = (
    update(timeline)
    .where(timeline.c.entry_id == bindparam("one"), timeline.c.about.is_(None))
    .values(about=bindparam("moment", type_=UtcTime()))
)
COUNTS_NO_MORE = (
    update(timeline)
    .where(among(timeline.c.entry_id, "some"), timeline.c.about.is_not(None))
    .values(about=None)
    .returning(timeline.c.referral_id)
)
WHOSE = (
    select(referrals.c.person_id)
    .join(timeline, timeline.c.referral_id == referrals.c.referral_id)
    .where(among(referrals.c.person_id, "people"), timeline.c.what == bindparam("what"))
    .where(timeline.c.at >= bindparam("since", type_=UtcTime()))
)
CONSENT_REVOKED, REVOKED_BY_LINK = "consent_revoked", "consent_revoked_by_link"
REVOCATIONS = (
    select(referrals.c.person_id, func.max(timeline.c.at).label("at"))
    .join(timeline, timeline.c.referral_id == referrals.c.referral_id)
    .where(among(referrals.c.person_id, "people"), timeline.c.what.in_((CONSENT_REVOKED, REVOKED_BY_LINK)))
    .group_by(referrals.c.person_id)
)
OF_VISITS = (
    select(timeline.c.referral_id, timeline.c.what, timeline.c.about, timeline.c.number)
    .where(among(timeline.c.referral_id, "ids"), timeline.c.what.in_((*TOLD, LATE)))
    .order_by(timeline.c.at, timeline.c.entry_id)
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a timeline; `key` makes it one, however often it is heard."""

    referral_id: UUID
    what: str
    at: datetime
    key: str = ""
    about: datetime | None = None
    number: int | None = None
    by: str | None = None
    note: str | None = None

    def entry_id(self) -> UUID:
        """This will identify the entry by what it says."""
        return beside(self.referral_id, f"{self.what} {self.key}")


async def note(db: AsyncConnection, entries: Sequence[Entry]) -> None:
    """This will write timeline entries, each once."""
    rows = [{"entry_id": each.entry_id(), **{name: getattr(each, name) for name in COLUMNS}} for each in entries]
    if rows:
        await db.execute(NOTE, rows)


async def entries_of(db: AsyncConnection, referral_id: UUID) -> list[Entry]:
    """This will give a referral's timeline, oldest first, without the words people wrote."""
    columns = (timeline.c.referral_id, timeline.c.what, timeline.c.at, timeline.c.about, timeline.c.number)
    order = timeline.c.at, timeline.c.what != "received", timeline.c.entry_id
    wanted = select(*columns).where(timeline.c.referral_id == referral_id).order_by(*order)
    return [Entry(**row) for row in (await db.execute(wanted)).mappings()]


async def people_with(db: AsyncConnection, people: Iterable[UUID], what: str, *, since: datetime) -> set[UUID]:
    """This will choose, among people, those in whose timelines a thing stands since a moment."""
    return set((await db.scalars(WHOSE, {"people": sorted(people), "what": what, "since": since})).all())


async def revocations_of(db: AsyncConnection, people: Iterable[UUID]) -> dict[UUID, datetime]:
    """This will give when people took their consents back last, by person."""
    wanted = sorted(set(people))
    return {row.person_id: row.at for row in await db.execute(REVOCATIONS, {"people": wanted})} if wanted else {}


async def milestones_of(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Milestones]:
    """This will give what each timeline tells about visits, and whether what was taken back was over."""
    return {each: _milestones(rows) for each, rows in (await _of_visits(db, ids)).items()}


def _milestones(rows: Sequence[Any]) -> Milestones:
    booked = [row.about for row in rows if row.what == "series_booked" and row.about]
    counts = [row.number for row in rows if row.what == "series_ended"]
    return Milestones(
        first_visit=min(booked, default=None),
        first_kept=min(_kept(rows), default=None),
        kept=sum(each or 0 for each in counts) if counts else None,
        bridge=any(row.what == "bridge_offered" for row in rows),
        too_late=any(row.what == LATE for row in rows),
    )


def _kept(rows: Iterable[Any]) -> list[datetime]:
    return [row.about for row in rows if row.what in KEPT and row.about]


async def correct(db: AsyncConnection, missed: Iterable[Entry], kept: Iterable[Entry]) -> set[UUID]:
    """This will let visits count as kept no more, or again, and give the referrals of which some count no more."""
    again = [{"one": each.entry_id(), "moment": each.about} for each in kept]
    if again:
        await db.execute(COUNTS_AGAIN, again)
    ids = [each.entry_id() for each in missed]
    return set((await db.scalars(COUNTS_NO_MORE, {"some": ids})).all()) if ids else set()


async def visits_kept(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, list[datetime]]:
    """This will give when visits of referrals were kept."""
    return {each: _kept(rows) for each, rows in (await _of_visits(db, ids)).items()}


async def _of_visits(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for row in await db.execute(OF_VISITS, {"ids": list(ids)}):
        found.setdefault(row.referral_id, []).append(row)
    return found
