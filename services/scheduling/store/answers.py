"""What insurers are told, from this store alone: sums by person, pages of sessions, and the log of it all."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules.question import Cursor, Question, Sum
from services.scheduling.store.covering import member_key
from services.scheduling.store.tables import coverages, disclosures, seats, sessions, supporters

CHUNK = 500
Owner = tuple[UUID, UUID | None]
"""A person and the referral a seat belongs to: what a consent and a Part 2 label are looked up by."""


@dataclass(frozen=True, kw_only=True)
class PersonSum:
    """What one person's sessions under one referral add up to; `member` stays the same across a member's ids."""

    owner: Owner
    member: str
    sum: Sum


def _asked(columns: Select[Any], asked: Question, *, payer: str, hidden: Collection[str]) -> Select[Any]:
    """This will narrow a selection down to what was asked, the payer's own members, and nothing that is never told."""
    of_payer = columns.join(coverages, coverages.c.coverage_id == seats.c.coverage_id).where(
        seats.c.payer == payer,
        seats.c.plan_id.not_in(hidden),
        coverages.c.restricted.is_(False),
        seats.c.service_date.between(asked.first, asked.last),
    )
    for column, value in ((seats.c.code, asked.code), (coverages.c.member_key, _member(payer, asked))):
        of_payer = of_payer.where(column == value) if value else of_payer
    if asked.changed_since:
        of_payer = of_payer.where(seats.c.changed_at >= asked.changed_since)
    return of_payer.where(_covered(asked.covered)) if asked.covered else of_payer


def _member(payer: str, asked: Question) -> str | None:
    if asked.member_id is None or asked.birth_date is None:
        return None
    return member_key(payer, asked.member_id, asked.birth_date)


def _covered(wanted: str) -> Any:
    whole = seats.c.units_covered == seats.c.units_delivered
    some = seats.c.units_covered > 0
    return {"yes": some & whole, "no": seats.c.units_covered == 0, "partial": some & ~whole}[wanted]


async def sums(db: AsyncConnection, asked: Question, *, payer: str, hidden: Collection[str]) -> list[PersonSum]:
    """This will add up what was asked, by person and referral."""
    by = (seats.c.person_id, seats.c.referral_id, coverages.c.member_key)
    added = (
        func.count().label("sessions"),
        *(
            func.coalesce(func.sum(seats.c[each]), 0).label(each)
            for each in ("minutes", "units_delivered", "units_covered")
        ),
    )
    wanted = _asked(select(*by, *added).select_from(seats), asked, payer=payer, hidden=hidden).group_by(*by)
    return [
        PersonSum(
            owner=(row.person_id, row.referral_id),
            member=row.member_key,
            sum=Sum(**{each: getattr(row, each) for each in Sum.model_fields}),
        )
        for row in await db.execute(wanted)
    ]


async def denied(
    db: AsyncConnection, asked: Question, *, payer: str, hidden: Collection[str]
) -> list[tuple[Owner, dict[str, int]]]:
    """This will give the reasons, with their units, of every seat that is not wholly covered."""
    short = (seats.c.units_covered < seats.c.units_delivered) | (seats.c.units_delivered == 0)
    columns = select(seats.c.person_id, seats.c.referral_id, seats.c.denied).select_from(seats)
    wanted = _asked(columns, asked, payer=payer, hidden=hidden).where(short)
    return [((row.person_id, row.referral_id), row.denied) for row in await db.execute(wanted)]


async def rows(
    db: AsyncConnection, asked: Question, *, payer: str, hidden: Collection[str]
) -> AsyncIterator[dict[str, Any]]:
    """This will give the seats asked for after the cursor, one after another, with member and supporter."""
    columns = (
        select(seats, sessions.c.modality, supporters.c.npi, coverages.c.member)
        .select_from(seats)
        .join(sessions)
        .outerjoin(supporters, supporters.c.supporter_id == sessions.c.supporter_id)
    )
    order = (seats.c.changed_at if asked.changed_since else seats.c.service_date), seats.c.seat_id
    after = _after(asked.cursor)
    while True:
        wanted = _asked(columns, asked, payer=payer, hidden=hidden).order_by(*order).limit(CHUNK)
        chunk = (await db.execute(wanted.where(tuple_(*order) > after) if after else wanted)).mappings().all()
        for row in chunk:
            yield dict(row)
        if len(chunk) < CHUNK:
            return
        after = chunk[-1][order[0].name], chunk[-1]["seat_id"]


def _after(cursor: Cursor | None) -> tuple[datetime | date, UUID] | None:
    if cursor is None:
        return None
    moment = cursor.moment() if "T" in cursor.value else date.fromisoformat(cursor.value)
    return moment, cursor.seat_id


async def log(db: AsyncConnection, asked: Question, *, payer: str, edge: str, at: datetime, count: int) -> None:
    """This will write down who was told what, when; the words of the question are sealed."""
    row = {"disclosure_id": uuid4(), "at": at, "payer": payer, "edge": edge, "purpose": "payment"}
    told = {"filters": asked.kinds(), "asked": asked.model_dump(mode="json", by_alias=True), "count": count}
    await db.execute(insert(disclosures).values(**row, **told))
