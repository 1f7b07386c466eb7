"""What is seen of letters put aside, by whoever mends them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class Kept(BaseModel):
    """A letter put aside, without what it says; `behind` counts those that wait for it, `waits_for` is a version."""

    letter_id: UUID
    source: str
    key: str
    version: int
    type: str
    state: str
    attempts: int
    error: str
    put_aside_at: datetime
    next_try: datetime
    behind: int
    waits_for: int | None


class Listed(BaseModel):
    """The first letters of queues, as many as are shown at once, and how many `queues` there are of that kind."""

    queues: int
    letters: list[Kept]


class Act(BaseModel):
    """What somebody did with a letter, and why."""

    what: str
    by: str
    reason: str
    at: datetime


class Shown(BaseModel):
    """A `letter`, unless it is put aside no longer, and what was done with it so far."""

    letter: Kept | None
    acts: list[Act]


class Outcome(BaseModel):
    """What came of a replay: how many `letters` went well, the `error` and its place that ended it, and who is `next`.

    `next` is the letter that is now the first of its queue and will not be tried by itself.
    """

    letters: int
    error: str = ""
    next: UUID | None = None
