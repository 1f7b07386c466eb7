"""What becomes of visits without staff: people answer their reminders, or nobody says what happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.handlers.booking import ask_for_new_times
from services.scheduling.handlers.covering import alone_with
from services.scheduling.handlers.ending import end_those_over
from services.scheduling.handlers.recording import RECORD, TIME_TO_ACT, cancelled
from services.scheduling.rules import outcomes as rules
from services.scheduling.rules.outcomes import Seat
from services.scheduling.store import meetings as store
from shared.clock import now
from shared.events.notifications import VisitAnswered
from shared.events.scheduling import SessionUnrecorded
from shared.mailbox import Said
from shared.work import Asked, Task, open_each


@dataclass
class Heard:
    """Series as they stand while one answer after another is heard, and what the answers ask for."""

    series: dict[UUID, list[Seat]]
    unsuited: list[Seat] = field(default_factory=list)
    freed: list[tuple[Seat, VisitAnswered]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.series_of = {each.session_id: each.series_id for one in self.series.values() for each in one}

    def hear(self, answer: VisitAnswered) -> None:
        """This will note a seat that is not wanted at its time; what is over, or nobody's, stays as it is."""
        seat = self._seat(answer)
        if seat is None or answer.at >= seat.ends_at:
            return
        if answer.answer == "new_time" and seat.state != "held":
            self.unsuited.append(seat)
        if answer.answer == "cannot_come" and seat.state == "booked":
            self.freed.append((seat, answer))
            self.series[seat.series_id] = rules.after(self.series[seat.series_id], seat, "cancelled_person")

    def _seat(self, answer: VisitAnswered) -> Seat | None:
        if answer.session_id not in self.series_of:
            return None
        series, who = self.series[self.series_of[answer.session_id]], (answer.session_id, answer.person_id)
        return next((each for each in series if (each.session_id, each.person_id) == who), None)


async def hear_answers(answers: Sequence[VisitAnswered], db: AsyncConnection) -> list[Said]:
    """This will free the times of those who cannot come, and ask staff for another for those who want one."""
    await alone_with(db, {each.person_id for each in answers})
    heard = Heard(await store.seats_beside(db, [each.session_id for each in answers]))
    for each in answers:
        heard.hear(each)
    await ask_for_new_times(db, heard.unsuited)
    return await _free(db, heard) if heard.freed else []


async def _free(db: AsyncConnection, heard: Heard) -> list[Said]:
    recorded = {"recorded": {"by": "the person", "reason": None}, "recorded_at": now()}
    seats = [seat for seat, _ in heard.freed]
    await store.write_outcome(db, seats, state="cancelled", outcome="cancelled_person", **recorded)
    told: list[Said] = [cancelled(seat, "cancelled_person", at=answer.at) for seat, answer in heard.freed]
    concerned = {each.series_id: heard.series[each.series_id] for each in seats}
    return [*told, *await end_those_over(db, concerned.values())]


async def chase(rung: Sequence[SessionUnrecorded], db: AsyncConnection) -> list[Said]:
    """This will ask for sessions that nobody recorded, and end the series whose last they were."""
    await alone_with(db, {each.person_id for each in rung})
    asked = {each.session_id for each in rung}
    series = await store.seats_beside(db, asked)
    due = now() + TIME_TO_ACT
    waiting = {each: None for each in _unrecorded(series) if each in asked}
    await open_each(db, [Asked(kind=RECORD, about=str(each), owner="supporter", due=due) for each in waiting])
    return await end_those_over(db, series.values())


def _unrecorded(series: Mapping[UUID, Sequence[Seat]]) -> list[UUID]:
    return [each.session_id for one in series.values() for each in one if each.state == "booked"]


async def still_waits(task: Task, db: AsyncConnection) -> str | None:
    """This will name the request that does a task, while its session is not recorded."""
    if task.kind != RECORD:
        return None
    series = await store.seats_beside(db, [UUID(task.about)])
    seats = (each for one in series.values() for each in one if str(each.session_id) == task.about)
    waiting = next((each for each in seats if each.state == "booked"), None)
    return f"POST /sessions/{task.about}/seats/{waiting.seat_id}/outcome" if waiting else None
