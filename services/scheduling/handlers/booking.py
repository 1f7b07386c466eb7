"""Staff book a session by hand, and are asked to find a time where there is none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules import series as rules
from services.scheduling.rules.outcomes import NOTICE, Seat
from services.scheduling.rules.taken import Taken, Times
from services.scheduling.store import meetings as store
from services.scheduling.store.meetings import Clash, Series
from shared.clock import now
from shared.database import lock
from shared.events.fact import Minutes, Modality
from shared.events.scheduling import SeriesBooked, SessionUnrecorded
from shared.linked import with_linked
from shared.mailbox import Later, Reply
from shared.work import Asked, close_task, close_tasks, open_each

FIND_A_TIME = "find_a_time"
"""The task of a series that has no session yet."""
NEW_TIME = "new_time_wanted"
"""The task of a session whose person asked for another time."""
TIME_TO_FIND_ONE = timedelta(days=1)
BY_HAND = "booked by hand"


class TimeTaken(Exception):
    """Somebody has another session at that time; `where` names who, in the words of the request."""

    def __init__(self, where: str, remedy: str) -> None:
        super().__init__(where)
        self.where, self.remedy = where, remedy


class NotHeardOf(Exception):
    """Nobody we know has this id; `where` names it, in the words of the request."""

    def __init__(self, where: str, remedy: str) -> None:
        super().__init__(where)
        self.where, self.remedy = where, remedy


class NoSuchSeries(Exception):
    """The series is unknown, or another person's or supporter's."""


class SeriesOver(Exception):
    """The series has ended: the supporter's room was given away."""


TAKEN = {
    "one_session_at_a_time": ("body.supporter_id", "the supporter has a session at that time; choose another time"),
    "one_seat_at_a_time": ("body.person_id", "the person has a session at that time; choose another time"),
}
KNOWN_START = ("body.local_start", "this series had a session at that time; leave series_id out to book a new one")


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """A session that staff book; `local_start` is wall time in `zone`."""

    supporter_id: UUID
    person_id: UUID
    local_start: datetime
    zone: str
    minutes: Minutes
    modality: Modality
    site_id: str
    series_id: UUID | None = None


async def alone_with(db: AsyncConnection, *, people: Iterable[UUID], supporters: Iterable[UUID]) -> None:
    """This will let bookings that could clash take turns: PostgreSQL may else see a deadlock where one only waits.

    Bookings of people who are one human being could.
    """
    everyone = await with_linked(db, people)
    await lock(db, *{f"person {each}" for each in everyone}, *{f"supporter {each}" for each in supporters})


async def book_by_hand(wanted: ByHand, db: AsyncConnection) -> Reply:
    """This will book one session; TimeTaken, NotHeardOf, NoSuchSeries or SeriesOver when it cannot be."""
    await alone_with(db, people=[wanted.person_id], supporters=[wanted.supporter_id])
    series = await _series_for(wanted, db)
    when = rules.occurrence(wanted.local_start, zone=wanted.zone, minutes=wanted.minutes)
    one = rules.meeting(series.series_id, wanted.person_id, when, wanted.modality)
    await _free_elsewhere(db, wanted.person_id, (one.starts_at, one.ends_at))
    booked = SeriesBooked(
        series_id=series.series_id,
        match_id=series.match_id,
        referral_id=series.referral_id,
        person_id=series.person_id,
        supporter_id=series.supporter_id,
        site_id=series.site_id,
        zone=wanted.zone,
        sessions=[one],
    )
    try:
        await store.book(db, [booked])
    except Clash as clash:
        raise TimeTaken(*TAKEN.get(clash.rule, KNOWN_START)) from None
    names = await store.public_names(db, [wanted.supporter_id])
    booked = booked.model_copy(update={"public_name": names.get(wanted.supporter_id)})
    await _time_found(db, wanted, series.series_id)
    return Reply(booked, said=[booked, *chasers(booked)])


async def _free_elsewhere(db: AsyncConnection, person_id: UUID, wanted: Times) -> None:
    """This will refuse a time at which somebody who is one human being with a person is taken."""
    others = await with_linked(db, [person_id]) - {person_id}
    if not others:
        return
    taken = Taken(await store.taken(db, people=others, supporters=(), since=wanted[0]))
    if not taken.has_room(others, [wanted]):
        raise TimeTaken(*TAKEN["one_seat_at_a_time"])


async def _time_found(db: AsyncConnection, wanted: ByHand, series_id: UUID) -> None:
    """This will close what asked for a time: for the series, and for any session of the two that did not suit."""
    await close_task(db, kind=FIND_A_TIME, about=str(series_id), by=BY_HAND)
    theirs = await store.sessions_between(db, wanted.person_id, wanted.supporter_id)
    await close_tasks(db, kind=NEW_TIME, abouts=map(str, theirs), by=BY_HAND)


async def ask_for_new_times(db: AsyncConnection, seats: Sequence[Seat]) -> None:
    """This will ask those who book for each series to find another time than a session's."""
    if not seats:
        return
    series, due = await store.some_series(db, {each.series_id for each in seats}), now() + TIME_TO_FIND_ONE
    owners = {each.series_id: each.site_id for each in series.values()}
    await open_each(db, [_new_time(each, owners.get(each.series_id, "supporter"), due) for each in seats])


def _new_time(seat: Seat, owner: str, due: datetime) -> Asked:
    return Asked(kind=NEW_TIME, about=str(seat.session_id), owner=owner, due=due)


async def _series_for(wanted: ByHand, db: AsyncConnection) -> Series:
    if wanted.series_id is None:
        await _both_known(wanted, db)
        new = uuid4()
        whose = {"person_id": wanted.person_id, "supporter_id": wanted.supporter_id, "site_id": wanted.site_id}
        return Series(series_id=new, match_id=new, referral_id=None, zone=wanted.zone, state="booked", **whose)  # type: ignore[arg-type]
    found = await store.series_of(db, wanted.series_id)
    if found is None or (found.person_id, found.supporter_id) != (wanted.person_id, wanted.supporter_id):
        raise NoSuchSeries
    if found.state == "ended":
        raise SeriesOver
    return found


async def _both_known(wanted: ByHand, db: AsyncConnection) -> None:
    """This will refuse an id that nobody has: a mistyped one would book a visit that nobody hears of."""
    if not await store.knows_supporter(db, wanted.supporter_id):
        raise NotHeardOf("body.supporter_id", "use the id of a supporter who is registered")
    if not await store.knows_person(db, wanted.person_id):
        raise NotHeardOf("body.person_id", "use the id of a person whose referral was accepted")


def chasers(booked: SeriesBooked) -> list[Later]:
    """This will ring a day after each session's end, to see whether somebody said what happened."""
    return [
        Later(
            SessionUnrecorded(session_id=each.session_id, person_id=booked.person_id),
            due=each.ends_at + NOTICE,
            key=f"chase {each.session_id}",
        )
        for each in booked.sessions
    ]
