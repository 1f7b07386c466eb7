"""What happened in a seat: recorded by staff, answered by the person, or chased when nobody says."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.handlers.booking import ask_for_new_time
from services.scheduling.handlers.covering import alone_with, count_again
from services.scheduling.rules import outcomes as rules
from services.scheduling.rules.outcomes import Recording, Seat
from services.scheduling.rules.plans import Plans
from services.scheduling.store import meetings as store
from shared.clock import now
from shared.events.notifications import VisitAnswered
from shared.events.scheduling import SeatHeld, SeatMissed, SeriesEnded, SessionCancelled, SessionUnrecorded
from shared.mailbox import Reply, Said
from shared.work import Task, close_task, open_task

RECORD = "record_session"
STILL_WANT_THIS = "still_want_this"
TIME_TO_ACT = timedelta(days=1)


class NoSuchSeat(Exception):
    """The session has no such seat."""


async def record(said: Recording, db: AsyncConnection, *, plans: Plans) -> Reply:
    """This will record what happened in a seat; CannotRecord or NoSuchSeat when it cannot be so.

    The answer says whether it was news; a second recording of the same changes nothing.
    """
    series = await _series_alone(db, said)
    seat = _named(series, said)
    rules.check(seat, said, now=now())
    if rules.says_nothing_new(seat, said):
        return Reply(False)
    told: list[Said] = []
    if seat.outcome is None or rules.is_correction(seat, said):
        series = rules.after(series, seat, said.outcome)
        told = await _set_outcome(db, seat, said, series)
    else:
        await store.write_outcome(db, seat, **_note(said))
    if now() >= rules.chased_at(seat):
        await close_task(db, kind=RECORD, about=str(seat.session_id), by=said.by)
    told += await count_again(db, [seat.person_id], plans=plans)
    return Reply(True, said=[*told, *await end_if_over(db, series)])


async def _series_alone(db: AsyncConnection, said: Recording) -> list[Seat]:
    """This will find a seat's series while nobody else changes anything of its person's."""
    found = await store.seats_beside(db, said.session_id)
    if await alone_with(db, [_named(found, said).person_id]):
        return await store.seats_beside(db, said.session_id)
    return found


def _named(series: Sequence[Seat], said: Recording) -> Seat:
    for each in series:
        if (each.session_id, each.seat_id) == (said.session_id, said.seat_id):
            return each
    raise NoSuchSeat


async def _set_outcome(db: AsyncConnection, seat: Seat, said: Recording, series: Sequence[Seat]) -> list[Said]:
    await store.write_outcome(db, seat, **_columns(seat, said), **_note(said))
    state = rules.STATES[said.outcome]
    if state == "held":
        return [_held(seat, said, first=rules.is_first(series, seat))]
    if state == "missed":
        return [await _missed(db, seat, series)]
    return [] if seat.state == "cancelled" else [_cancelled(seat, said.outcome, at=now())]


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


def _cancelled(seat: Seat, outcome: str, *, at: datetime) -> SessionCancelled:
    return SessionCancelled(**_who(seat), by=rules.CANCELLED_BY[outcome], late=rules.is_late(seat.starts_at, at))


def _who(seat: Seat) -> dict[str, Any]:
    return {each: getattr(seat, each) for each in ("seat_id", "session_id", "series_id", "person_id")}


async def hear_answer(answer: VisitAnswered, db: AsyncConnection) -> list[Said] | None:
    """This will free the time when somebody cannot come, and ask staff for another when they want one."""
    await alone_with(db, [answer.person_id])
    series = await store.seats_beside(db, answer.session_id)
    who = (answer.session_id, answer.person_id)
    seat = next((each for each in series if (each.session_id, each.person_id) == who), None)
    if seat is None or answer.at >= seat.ends_at:
        return None
    if answer.answer == "new_time" and seat.state != "held":
        await ask_for_new_time(db, seat)
    if answer.answer != "cannot_come" or seat.state != "booked":
        return None
    recorded = {"recorded": {"by": "the person", "reason": None}, "recorded_at": now()}
    await store.write_outcome(db, seat, state="cancelled", outcome="cancelled_person", **recorded)
    return [
        _cancelled(seat, "cancelled_person", at=answer.at),
        *await end_if_over(db, rules.after(series, seat, "cancelled_person")),
    ]


async def chase(timer: SessionUnrecorded, db: AsyncConnection) -> list[Said]:
    """This will ask for a session that nobody recorded, and end its series when it was the last."""
    await alone_with(db, [timer.person_id])
    series = await store.seats_beside(db, timer.session_id)
    if any(each.session_id == timer.session_id and each.state == "booked" for each in series):
        due = now() + TIME_TO_ACT
        await open_task(db, kind=RECORD, about=str(timer.session_id), owner="supporter", due=due)
    return await end_if_over(db, series)


async def still_waits(task: Task, db: AsyncConnection) -> str | None:
    """This will name the request that does a task, while its session is not recorded."""
    if task.kind != RECORD:
        return None
    seats = await store.seats_beside(db, UUID(task.about))
    waiting = [each for each in seats if str(each.session_id) == task.about and each.state == "booked"]
    return f"POST /sessions/{task.about}/seats/{waiting[0].seat_id}/outcome" if waiting else None


async def end_if_over(db: AsyncConnection, series: Sequence[Seat]) -> list[Said]:
    """This will say once that a series ended, when its last session is recorded, cancelled or long over."""
    counts = rules.tally(series, now=now())
    if not series or counts is None or not await store.end(db, series[0].series_id):
        return []
    ended = await store.series_of(db, series[0].series_id)
    return [_ended(ended, counts)] if ended else []


def _ended(series: store.Series, counts: dict[str, int]) -> SeriesEnded:
    return SeriesEnded(
        series_id=series.series_id,
        match_id=series.match_id,
        referral_id=series.referral_id,
        person_id=series.person_id,
        supporter_id=series.supporter_id,
        kept=counts["held"],
        missed=counts["missed"],
        cancelled=counts["cancelled"],
    )
