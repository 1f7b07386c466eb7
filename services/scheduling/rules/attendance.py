"""What whoever holds a session may say of who came, and whether that is what the supporter recorded."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.scheduling.rules.outcomes import STATES, Recording, Seat
from services.scheduling.rules.question import Moment
from shared.events.fact import Minutes

AGREE_WITHIN: Minutes = 7
"""Whole minutes by which two people's watches may differ: of eight on, another unit may come of it."""


class AttendanceTold(BaseModel):
    """Who came to a session: `session_id` and `seat_id` as the agency gave them, `minutes` of actual contact."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    session_id: UUID
    seat_id: UUID
    outcome: Literal["attended", "attended_partial", "no_show"]
    minutes: Annotated[int, Field(ge=1, le=24 * 60, strict=True)] | None = None
    started_at: Moment | None = None

    def recording(self, *, by: str) -> Recording:
        """This will put it as staff would record it."""
        return Recording(by=by, **self.model_dump())


def agrees(seat: Seat, said: Recording) -> bool:
    """This will say whether what was recorded of a seat and what is said of it are the same visit."""
    if STATES[said.outcome] != seat.state:
        return False
    return seat.state != "held" or abs((said.minutes or 0) - (seat.minutes or 0)) <= AGREE_WITHIN


def differences(before: str, seat: Seat, said: Recording) -> str:
    """This will say, for whoever looks, what differs: a line for each sender, with the last that it says.

    Of what was said `before`, what differed from another record counts no more.
    """
    says, recorded = f"{said.by} says ", f"; recorded is {_words(seat.outcome, seat.minutes)}"
    others = [each for each in before.splitlines() if each.endswith(recorded) and not each.startswith(says)]
    mine = [] if agrees(seat, said) else [f"{says}{_words(said.outcome, said.minutes)}{recorded}"]
    return "\n".join([*others, *mine])


def _words(outcome: str | None, minutes: Minutes | None) -> str:
    return f"{outcome}, {minutes} minutes" if minutes else str(outcome)
