"""What happened in a seat, as staff record it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.handlers.covering import alone_with, count_again
from services.scheduling.handlers.ending import end_those_over
from services.scheduling.rules import outcomes as rules
from services.scheduling.rules.outcomes import Recording, Seat
from services.scheduling.rules.plans import Plans
from services.scheduling.store import meetings as store
from shared.clock import now
from shared.events.scheduling import SeatHeld, SeatMissed, SessionCancelled
from shared.mailbox import Reply, Said
from shared.work import close_task, open_task

RECORD = "record_session"
STILL_WANT_THIS = "still_want_this"
ATTENDANCE_DIFFERS = "attendance_differs"
"""The task of a session of which whoever holds it says something else than is recorded."""
TIME_TO_ACT = timedelta(days=1)


class NoSuchSeat(Exception):
    """The session has no such seat."""


async def record(said: Recording, db: AsyncConnection, *, plans: Plans) -> Reply:
    """This will record what happened in a seat; CannotRecord or NoSuchSeat when it cannot be so.

    The answer says whether it was news; a second recording of the same changes nothing.
    """
    told = await happened(said, await series_alone(db, said), db, plans=plans)
    return Reply(told is not None, said=told)


async def happened(said: Recording, series: Sequence[Seat], db: AsyncConnection, *, plans: Plans) -> list[Said] | None:
    """This will record what happened in a seat of a series and give what follows, None where nothing of it was news."""
    seat = named(series, said)
    rules.check(seat, said, now=now())
    if rules.says_nothing_new(seat, said):
        return None
    told: list[Said] = []
    if corrects := rules.is_correction(seat, said):
        await close_task(db, kind=ATTENDANCE_DIFFERS, about=str(seat.session_id), by=said.by)
    if seat.outcome is None or corrects:
        series = rules.after(series, seat, said.outcome)
        told = await _set_outcome(db, seat, said, series)
    else:
        await store.write_outcome(db, [seat], **_note(said))
    if now() >= rules.chased_at(seat):
        await close_task(db, kind=RECORD, about=str(seat.session_id), by=said.by)
    told += await count_again(db, [seat.person_id], plans=plans)
    return [*told, *await end_those_over(db, [series])]


async def series_alone(db: AsyncConnection, said: Recording) -> list[Seat]:
    """This will find a seat's series while nobody else changes anything of its person's; NoSuchSeat otherwise."""
    found = await _series_of(db, said)
    if await alone_with(db, [named(found, said).person_id]):
        return await _series_of(db, said)
    return found


async def _series_of(db: AsyncConnection, said: Recording) -> list[Seat]:
    return next(iter((await store.seats_beside(db, [said.session_id])).values()), [])


def named(series: Sequence[Seat], said: Recording) -> Seat:
    """This will give the seat of a series that somebody says something of; NoSuchSeat where it has none such."""
    for each in series:
        if (each.session_id, each.seat_id) == (said.session_id, said.seat_id):
            return each
    raise NoSuchSeat


async def _set_outcome(db: AsyncConnection, seat: Seat, said: Recording, series: Sequence[Seat]) -> list[Said]:
    await store.write_outcome(db, [seat], **_columns(seat, said), **_note(said))
    state = rules.STATES[said.outcome]
    if state == "held":
        return [_held(seat, said, first=rules.is_first(series, seat))]
    if state == "missed":
        return [await _missed(db, seat, series)]
    return [] if seat.state == "cancelled" else [cancelled(seat, said.outcome, at=now())]


def _columns(seat: Seat, said: Recording) -> dict[str, Any]:
    held = rules.STATES[said.outcome] == "held"
    return {
        "state": rules.STATES[said.outcome],
        "outcome": said.outcome,
        "minutes": said.minutes if held else None,
        "started_at": rules.begun(seat, said) if held else None,
        "recorded": {"by": said.by, "reason": said.reason},
        "recorded_at": now(),
    }


def _note(said: Recording) -> dict[str, Any]:
    return {"note_status": said.note.status, "note": asdict(said.note)} if said.note else {}


def _held(seat: Seat, said: Recording, *, first: bool) -> SeatHeld:
    return SeatHeld(
        **_who(seat),
        referral_id=seat.referral_id,
        supporter_id=seat.supporter_id,
        started_at=rules.begun(seat, said),
        minutes=said.minutes or 0,
        first=first,
    )


async def _missed(db: AsyncConnection, seat: Seat, series: Sequence[Seat]) -> SeatMissed:
    """This will say how often the person missed in a row; after three, somebody asks whether they still want this."""
    until = [each for each in series if each.starts_at <= seat.starts_at]
    in_a_row = rules.missed_in_a_row(each.outcome for each in until if each.outcome)
    if in_a_row == rules.MISSED_TOO_OFTEN:
        due = now() + TIME_TO_ACT
        await open_task(db, kind=STILL_WANT_THIS, about=str(seat.seat_id), owner="supporter", due=due)
    return SeatMissed(**_who(seat), referral_id=seat.referral_id, in_a_row=in_a_row)


def cancelled(seat: Seat, outcome: str, *, at: datetime) -> SessionCancelled:
    """This will say that a seat's time is free again."""
    return SessionCancelled(**_who(seat), by=rules.CANCELLED_BY[outcome], late=rules.is_late(seat.starts_at, at))


def _who(seat: Seat) -> dict[str, Any]:
    return {each: getattr(seat, each) for each in ("seat_id", "session_id", "series_id", "person_id")}
