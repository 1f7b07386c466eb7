"""Series, sessions and seats: booked all or nothing, read as domain values."""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    bindparam,
    case,
    exists,
    insert,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules.outcomes import Seat
from services.scheduling.store.tables import labels, seats, series, sessions, supporters
from shared.database import UtcTime, broken_rule, upsert
from shared.events.scheduling import BookedSession, SeriesBooked
from shared.several import among


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
    return (await some_series(db, [series_id])).get(series_id)


async def some_series(db: AsyncConnection, series_ids: Iterable[UUID]) -> dict[UUID, Series]:
    """This will find series by their ids, those that are there."""
    rows = (await db.execute(_SERIES, {"some": list(series_ids)})).mappings()
    return {row["series_id"]: Series(**row) for row in rows}


async def taken(
    db: AsyncConnection, *, people: Iterable[UUID], supporters: Iterable[UUID], since: datetime
) -> list[tuple[UUID, datetime, datetime]]:
    """This will give the times of people's seats and supporters' sessions that end after an instant."""
    whose = {"people": list(people), "supporters": list(supporters)}
    found = await db.execute(_TAKEN, {**whose, "since": since, "begun": since - LONGEST})
    return [(row[0], row[1], row[2]) for row in found]


async def book(db: AsyncConnection, some: Sequence[SeriesBooked]) -> None:
    """This will book every session of every one of some series; Clash names the rule that one would break.

    Whoever goes on after a clash calls this inside a savepoint of its own.
    """
    each_session = [(one, each) for one in some for each in one.sessions]
    try:
        await db.execute(_BOOK, [_series(each) for each in some])
        await db.execute(_MEET, [_session(*each) for each in each_session])
        await db.execute(_SIT, [_seat(*each) for each in each_session])
    except IntegrityError as refused:
        raise Clash(broken_rule(refused)) from None


def _series(booked: SeriesBooked) -> dict[str, Any]:
    return {**{name: getattr(booked, name) for name in OF_SERIES}, "state": "booked"}


def _session(booked: SeriesBooked, each: BookedSession) -> dict[str, Any]:
    return {
        "session_id": each.session_id,
        "series_id": booked.series_id,
        "supporter_id": booked.supporter_id,
        "starts_at": each.starts_at,
        "ends_at": each.ends_at,
        "local_start": each.local_start,
        "zone": booked.zone,
        "modality": each.modality,
        "state": "booked",
    }


def _seat(booked: SeriesBooked, each: BookedSession) -> dict[str, Any]:
    return {
        "seat_id": each.seat_id,
        "session_id": each.session_id,
        "series_id": booked.series_id,
        "person_id": booked.person_id,
        "referral_id": booked.referral_id,
        "starts_at": each.starts_at,
        "ends_at": each.ends_at,
        "state": "booked",
        "note_status": "none",
        "version": 0,
    }


async def remember_unbooked(db: AsyncConnection, some: Sequence[Series]) -> None:
    """This will keep series that have no time yet, so that staff can book them by hand."""
    await db.execute(_REMEMBER, [asdict(each) for each in some])


async def end(db: AsyncConnection, series_ids: Iterable[UUID], *, state: str = "booked") -> list[Series]:
    """This will end series that are in a state, and give those."""
    found = await db.execute(_END, {"some": list(series_ids), "now_in": state})
    return [Series(**row) for row in found.mappings()]


LONGEST = timedelta(days=1)
"""No session is longer: so those that may not be over are found by when they begin."""
OF_SERIES = ("series_id", "match_id", "referral_id", "person_id", "supporter_id", "site_id", "zone")
_SERIES = select(series).where(among(series.c.series_id, "some"))
_BOOK = upsert(series, keys=["series_id"], change=["state"])
_REMEMBER, _MEET, _SIT = insert(series), insert(sessions), insert(seats)


def _ahead(table: Table, who: ColumnElement[Any], some: str) -> Select[Any]:
    begins, ends = table.c.starts_at, table.c.ends_at
    not_over = (begins > bindparam("begun"), ends > bindparam("since"), table.c.state != "cancelled")
    return select(who, begins, ends).where(among(who, some), *not_over)


_TAKEN = union_all(_ahead(seats, seats.c.person_id, "people"), _ahead(sessions, sessions.c.supporter_id, "supporters"))
_NAMES = select(supporters.c.supporter_id, supporters.c.public_name).where(
    among(supporters.c.supporter_id, "supporters")
)
_END = (
    update(series)
    .where(among(series.c.series_id, "some"), series.c.state == bindparam("now_in"))
    .values(state="ended")
    .returning(series)
)
_MINE, _OTHER = seats.alias(), seats.alias()
_AT_ONCE = (
    select(_OTHER.c.session_id)
    .join(_MINE, (_MINE.c.starts_at < _OTHER.c.ends_at) & (_MINE.c.ends_at > _OTHER.c.starts_at))
    .where(among(_MINE.c.person_id, "people"), among(_OTHER.c.person_id, "people"))
    .where(_MINE.c.person_id != _OTHER.c.person_id, _MINE.c.state == "booked", _OTHER.c.state == "booked")
    .where(_OTHER.c.starts_at > bindparam("now", type_=UtcTime()))
    .where(tuple_(_MINE.c.starts_at, _MINE.c.seat_id) < tuple_(_OTHER.c.starts_at, _OTHER.c.seat_id))
)
_THEIRS = select(sessions.c.series_id).where(among(sessions.c.session_id, "sessions"))
_SEATS = (
    select(
        *(seats.c[each] for each in Seat.__dataclass_fields__ if each in seats.c),
        sessions.c.supporter_id,
        sessions.c.zone,
        sessions.c.modality,
    )
    .join(sessions)
    .where(seats.c.series_id.in_(_THEIRS))
    .order_by(seats.c.starts_at, seats.c.seat_id)
)


async def seats_beside(db: AsyncConnection, session_ids: Iterable[UUID]) -> dict[UUID, list[Seat]]:
    """This will list the seats of every series that these sessions belong to, by series, in order of time."""
    found: dict[UUID, list[Seat]] = {}
    for row in (await db.execute(_SEATS, {"sessions": list(session_ids)})).mappings():
        found.setdefault(row["series_id"], []).append(Seat(**row))
    return found


async def sessions_at_once(db: AsyncConnection, people: Iterable[UUID], *, since: datetime) -> list[UUID]:
    """This will name the sessions ahead of some people, who are one, that begin while another of them sits."""
    return list((await db.scalars(_AT_ONCE, {"people": list(people), "now": since})).unique())


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


async def write_outcome(db: AsyncConnection, some: Sequence[Seat], **columns: Any) -> None:
    """This will write the same of some seats and, one seat being all of it, what it makes of their sessions."""
    await db.execute(_HAPPENED, [{"one": each.seat_id, **columns} for each in some])
    await db.execute(_BECAME, [{"one": each.session_id} for each in some])


async def holders(db: AsyncConnection, session_id: UUID) -> set[str]:
    """This will name the organisations that hold a session; none where there is no such session."""
    found = (await db.execute(_HOLDERS, {"one": session_id})).one_or_none()
    return {found.organisation, *(found.hosts or ())} - {None} if found else set()


async def public_names(db: AsyncConnection, supporter_ids: Iterable[UUID]) -> dict[UUID, str]:
    """This will give what people may be told of supporters, those that were heard of."""
    found = await db.execute(_NAMES, {"supporters": list(supporter_ids)})
    return {row.supporter_id: row.public_name for row in found}


async def knows_supporter(db: AsyncConnection, supporter_id: UUID) -> bool:
    """This will say whether a supporter was registered."""
    return bool(await db.scalar(_SUPPORTER_KNOWN, {"one": supporter_id}))


async def knows_person(db: AsyncConnection, person_id: UUID) -> bool:
    """This will say whether a referral of a person was accepted."""
    return bool(await db.scalar(_PERSON_KNOWN, {"one": person_id}))


_HOLDERS = (
    select(supporters.c.organisation, supporters.c.hosts)
    .join(sessions, sessions.c.supporter_id == supporters.c.supporter_id)
    .where(sessions.c.session_id == bindparam("one"))
)
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
