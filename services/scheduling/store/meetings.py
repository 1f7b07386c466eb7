"""Series, sessions and seats: booked all or nothing, read as domain values."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, exists, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules.outcomes import Seat
from services.scheduling.store.tables import labels, seats, series, sessions, supporters
from shared.database import broken_rule, upsert
from shared.events.scheduling import SeriesBooked, SeriesNotBooked


class Clash(Exception):
    """The database refused a meeting; `rule` names the constraint, `one_session_at_a_time` for example."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, kw_only=True)
class Series:
    """A row of meetings of one person, as it stands."""

    series_id: UUID
    match_id: UUID
    referral_id: UUID | None
    person_id: UUID
    supporter_id: UUID | None
    site_id: str
    zone: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Which sessions to list: those that begin in [`first`, `last`), after the place where the last page ended."""

    first: datetime | None = None
    last: datetime | None = None
    state: str | None = None
    supporter: UUID | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 100


async def series_of(db: AsyncConnection, series_id: UUID) -> Series | None:
    """This will find a series."""
    row = (await db.execute(_ONE, {"one": series_id})).mappings().one_or_none()
    return Series(**row) if row else None


async def book(db: AsyncConnection, booked: SeriesBooked) -> None:
    """This will book every session of a series; Clash names the rule that one would break.

    Whoever goes on after a clash calls this inside a savepoint of its own.
    """
    row = {**booked.model_dump(include={each.name for each in series.c}), "state": "booked"}
    try:
        await db.execute(upsert(series, keys=["series_id"], change=["state"]).values(row))
        await db.execute(insert(sessions), [_session(booked, each) for each in booked.sessions])
        await db.execute(insert(seats), [_seat(booked, each) for each in booked.sessions])
    except IntegrityError as refused:
        raise Clash(broken_rule(refused)) from None


def _session(booked: SeriesBooked, each: Any) -> dict[str, Any]:
    row: dict[str, Any] = each.model_dump(exclude={"seat_id"})
    return {
        **row,
        "series_id": booked.series_id,
        "supporter_id": booked.supporter_id,
        "zone": booked.zone,
        "state": "booked",
    }


def _seat(booked: SeriesBooked, each: Any) -> dict[str, Any]:
    row: dict[str, Any] = each.model_dump(include={"seat_id", "session_id", "starts_at", "ends_at"})
    people = {"series_id": booked.series_id, "person_id": booked.person_id, "referral_id": booked.referral_id}
    return {**row, **people, "state": "booked", "note_status": "none", "version": 0}


async def remember_unbooked(db: AsyncConnection, told: SeriesNotBooked, **rest: Any) -> None:
    """This will keep a series that has no time yet, so that staff can book it by hand."""
    row = {**told.model_dump(exclude={"reason"}), **rest, "state": "unbooked"}
    await db.execute(insert(series).values(row))


async def end(db: AsyncConnection, series_id: UUID) -> bool:
    """This will end a series, and say whether it had not ended before."""
    return bool((await db.execute(_END, {"one": series_id})).rowcount)


_ONE = select(series).where(series.c.series_id == bindparam("one"))
_NAME = select(supporters.c.public_name).where(supporters.c.supporter_id == bindparam("one"))
_END = update(series).where(series.c.series_id == bindparam("one"), series.c.state == "booked").values(state="ended")
_SERIES = select(sessions.c.series_id).where(sessions.c.session_id == bindparam("session")).scalar_subquery()
_SEATS = (
    select(
        *(seats.c[each] for each in Seat.__dataclass_fields__ if each in seats.c),
        sessions.c.supporter_id,
        sessions.c.zone,
        sessions.c.modality,
    )
    .join(sessions)
    .where(seats.c.series_id == _SERIES)
    .order_by(seats.c.starts_at, seats.c.seat_id)
)


async def seats_beside(db: AsyncConnection, session_id: UUID) -> list[Seat]:
    """This will list the seats of the series that a session belongs to, in order of time."""
    return [Seat(**row) for row in (await db.execute(_SEATS, {"session": session_id})).mappings()]


async def sessions_between(db: AsyncConnection, person_id: UUID, supporter_id: UUID) -> list[UUID]:
    """This will name every session of a person with a supporter."""
    return list((await db.execute(_BETWEEN, {"person": person_id, "supporter": supporter_id})).scalars())


_BETWEEN = (
    select(seats.c.session_id)
    .join(sessions)
    .where(seats.c.person_id == bindparam("person"), sessions.c.supporter_id == bindparam("supporter"))
)
_HAPPENED = update(seats).where(seats.c.seat_id == bindparam("one"))


def _some(state: str) -> Any:
    return select(seats.c.seat_id).where(seats.c.session_id == sessions.c.session_id, seats.c.state == state).exists()


_BECAME = (
    update(sessions)
    .where(sessions.c.session_id == bindparam("one"))
    .values(state=case(*((_some(each), each) for each in ("held", "booked", "missed")), else_="cancelled"))
)
"""What became of a session: held when anybody came, and so on."""


async def write_outcome(db: AsyncConnection, seat: Seat, **columns: Any) -> None:
    """This will write what happened in a seat and, one seat being all of it, in its session."""
    await db.execute(_HAPPENED, {"one": seat.seat_id, **columns})
    await db.execute(_BECAME, {"one": seat.session_id})


async def public_name(db: AsyncConnection, supporter_id: UUID | None) -> str | None:
    """This will give what people may be told of a supporter, None when not yet heard of."""
    name: str | None = await db.scalar(_NAME, {"one": supporter_id})
    return name


async def knows_supporter(db: AsyncConnection, supporter_id: UUID) -> bool:
    """This will say whether a supporter was registered."""
    return bool(await db.scalar(_SUPPORTER_KNOWN, {"one": supporter_id}))


async def knows_person(db: AsyncConnection, person_id: UUID) -> bool:
    """This will say whether a referral of a person was accepted."""
    return bool(await db.scalar(_PERSON_KNOWN, {"one": person_id}))


_SUPPORTER_KNOWN = select(exists().where(supporters.c.supporter_id == bindparam("one")))
_PERSON_KNOWN = select(exists().where(labels.c.person_id == bindparam("one")))
_IN_TIME = select(sessions).order_by(sessions.c.starts_at, sessions.c.session_id)
_SITTING = select(seats.c.session_id, seats.c.seat_id, seats.c.person_id, seats.c.outcome).where(
    seats.c.session_id.in_(bindparam("sessions", expanding=True))
)


async def listed(db: AsyncConnection, wanted: Listing) -> list[dict[str, Any]]:
    """This will list sessions with their seats: ids, times and states only, in order of time."""
    found = _IN_TIME.limit(wanted.limit)
    for column, compare, value in (
        (sessions.c.starts_at, operator.ge, wanted.first),
        (sessions.c.starts_at, operator.lt, wanted.last),
        (sessions.c.state, operator.eq, wanted.state),
        (sessions.c.supporter_id, operator.eq, wanted.supporter),
    ):
        found = found.where(compare(column, value)) if value is not None else found
    if wanted.after:
        found = found.where(tuple_(sessions.c.starts_at, sessions.c.session_id) > wanted.after)
    rows = [dict(row) for row in (await db.execute(found)).mappings()]
    sitting = await _seats_of(db, [row["session_id"] for row in rows])
    return [{**row, "seats": sitting.get(row["session_id"], [])} for row in rows]


async def _seats_of(db: AsyncConnection, session_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in (await db.execute(_SITTING, {"sessions": session_ids})).mappings():
        found.setdefault(row["session_id"], []).append({name: row[name] for name in row if name != "session_id"})
    return found
