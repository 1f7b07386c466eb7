"""The routes by which the programme's own people mend letters put aside: what `alongside letters` asks."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from shared import names
from shared.callers import Agency
from shared.edge import Problem, StrictRoute
from shared.events.fact import Instant
from shared.mailbox import queues
from shared.mailbox.mending import Mending, NotNow, Signed, Unfit
from shared.mailbox.seen import Listed, Outcome, Shown
from shared.places import wrongs
from shared.served import Served

Words = Annotated[str, Field(min_length=1, max_length=500)]


class Asked(BaseModel):
    """What every act with a letter is signed with."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)
    by: Words
    reason: Words


class Mend(Asked):
    """How a letter is mended: with another `body` (base64), `pass-over`, or `begin-here`."""

    how: Literal["body", "pass-over", "begin-here"]
    body: Base64Bytes = b""


class Replay(BaseModel):
    """Who replays and why; or whether to rehearse only, which changes nothing and is not signed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)
    dry_run: bool = False
    by: Words | None = None
    reason: Words | None = None


class LetterRoute(StrictRoute):
    """A route that takes the largest letter, written as base64."""

    limit = 2 * names.MESSAGE_BYTES


router = APIRouter(route_class=LetterRoute, tags=["letters"])
"""The routes under /letters, the same in every service."""


@router.get("/letters")
async def waiting(
    _: Agency, at: Served, dead: bool = False, since: Instant | None = None, after: UUID | None = None
) -> Listed:
    """The first letter of each queue put aside, what was given up first; or of the `dead` those beyond another.

    That other one is named by when it was put aside (`since`), and its id (`after`).
    """
    async with at.database.reading() as db:
        if not dead:
            return await queues.first(db)
        return await queues.given_up(db, (since, after) if since and after else None)


@router.get("/letters/{letter_id}")
async def show(letter_id: UUID, _: Agency, at: Served) -> Shown:
    """A letter put aside, without what it says, and what was done with it, also when it is put aside no longer."""
    async with at.database.reading() as db:
        shown = Shown(letter=await queues.one(db, letter_id), acts=await queues.acts(db, letter_id))
    if not shown.letter and not shown.acts:
        raise Problem(404, "No such letter is put aside", where="path.letter_id", remedy="list them again")
    return shown


@router.post("/letters/{letter_id}/open")
async def open_it(letter_id: UUID, asked: Asked, _: Agency, at: Served) -> dict[str, str]:
    """What a letter says (base64); who asked, and why, is kept."""
    async with _refusals():
        return {"body": b64encode(await at.mailbox.run(Mending(at.mailbox).opened, _signed(letter_id, asked))).decode()}


@router.post("/letters/{letter_id}/mend")
async def mend(letter_id: UUID, asked: Mend, _: Agency, at: Served) -> dict[str, str]:
    """Put other words in a letter, pass it over, or begin with it; who did, and why, is kept."""
    desk = Mending(at.mailbox)
    ways = {"body": desk.mend, "pass-over": desk.pass_over, "begin-here": desk.begin_here}
    async with _refusals():
        await at.mailbox.run(ways[asked.how], _signed(letter_id, asked, asked.body))
    at.mailbox.aside.look()
    return {"mended": asked.how}


@router.post("/letters/{letter_id}/replay")
async def replay(letter_id: UUID, asked: Replay, _: Agency, at: Served) -> Outcome:
    """Apply the first letter of a queue now, which is signed; or rehearse the whole queue, and undo it."""
    desk = Mending(at.mailbox)
    async with _refusals():
        if asked.dry_run:
            return await desk.rehearse(letter_id)
        if asked.by and asked.reason:
            return await desk.replay(Signed(letter_id, asked.by, asked.reason))
    raise Problem(422, "A replay is signed", where="body.by", remedy="say who asks (`by`), and why (`reason`)")


def _signed(letter_id: UUID, asked: Asked, body: bytes = b"") -> Signed:
    return Signed(letter_id, asked.by, asked.reason, body)


@asynccontextmanager
async def _refusals() -> AsyncIterator[None]:
    """This will answer what cannot be done as a problem."""
    try:
        yield
    except NotNow as wrong:
        raise Problem(409, f"Not now: {wrong}", where="path.letter_id", remedy=wrong.remedy) from None
    except Unfit as wrong:
        raise Problem(422, str(wrong), where=wrong.where, remedy=wrong.remedy) from None
    except ValidationError as wrong:
        first = wrongs(wrong.errors(include_input=False), "letter")[0]
        title = "The letter would not say what it must"
        raise Problem(422, title, where=first["where"], remedy=first["remedy"]) from None
