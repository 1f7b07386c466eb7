"""The programme's own people: book a session by hand, list sessions, say what happened, or that no time is found."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.scheduling.handlers import booking, ending, recording
from services.scheduling.handlers.booking import ByHand, NoSuchSeries, NotHeardOf, SeriesOver, TimeTaken
from services.scheduling.handlers.ending import GivingUp, HasTimes
from services.scheduling.handlers.recording import NoSuchSeat
from services.scheduling.http.words import (
    GivenUp,
    NewSession,
    Recorded,
    SeriesGivenUp,
    SessionBooked,
    SessionListed,
    SessionPage,
    WhatHappened,
    WhichSessions,
)
from services.scheduling.rules.outcomes import CannotRecord, Note, Recording
from services.scheduling.rules.plans import Plans
from services.scheduling.rules.question import Cursor, read_cursor
from services.scheduling.store import meetings as store
from shared.callers import Agency
from shared.database import Database
from shared.edge import Problem, StrictRoute
from shared.mailbox import Run
from shared.programme import Programme


def routes(run: Run, database: Database, programme: Programme, plans: Plans) -> APIRouter:
    """This will serve POST and GET /sessions, outcomes of seats, and POST /series/{series_id}/end."""
    router = APIRouter(route_class=StrictRoute, tags=["sessions"])

    @router.post("/sessions", status_code=201)
    async def book(wanted: NewSession, staff: Agency) -> SessionBooked:
        """Book one session by hand."""
        site = programme.site(staff.organisation.site_id)
        asked = wanted.model_dump(exclude={"zone"})
        by_hand = ByHand(**asked, zone=wanted.zone or site.zone, site_id=site.site_id)
        booked = await _book(run, by_hand)
        one = booked.sessions[0]
        return SessionBooked(series_id=booked.series_id, zone=booked.zone, **one.model_dump(exclude={"modality"}))

    @router.get("/sessions")
    async def sessions(which: Annotated[WhichSessions, Query()], _: Agency) -> SessionPage:
        """List sessions in order of time: ids, times and states only."""
        async with database.reading() as db:
            found = await store.listed(db, _listing(which))
        last = found[which.limit - 1] if len(found) > which.limit else None
        after = Cursor(value=last["starts_at"].isoformat(), seat_id=last["session_id"]).write() if last else None
        return SessionPage(sessions=[SessionListed(**each) for each in found[: which.limit]], next=after)

    @router.post("/sessions/{session_id}/seats/{seat_id}/outcome")
    async def record(session_id: UUID, seat_id: UUID, what: WhatHappened, _: Agency) -> Recorded:
        """Say what happened in a seat; another outcome than before needs a reason."""
        said = Recording(session_id=session_id, seat_id=seat_id, **_happened(what))
        return Recorded(changed=await _record(run, partial(recording.record, plans=plans), said))

    @router.post("/series/{series_id}/end")
    async def give_up(series_id: UUID, given: GivenUp, _: Agency) -> SeriesGivenUp:
        """Say that no time is found for a series: its supporter is free again, and its referral may be closed."""
        await _give_up(run, GivingUp(series_id=series_id, by=given.by))
        return SeriesGivenUp()

    return router


def _happened(what: WhatHappened) -> dict[str, Any]:
    note = what.note
    written = note and Note(signed=note.signed, signed_by=note.signed_by, activity_codes=tuple(note.activity_codes))
    return {**what.model_dump(exclude={"note"}), "note": written}


def _listing(which: WhichSessions) -> store.Listing:
    asked = which.model_dump(exclude={"cursor", "limit"})
    try:
        after = read_cursor(which.cursor) if which.cursor else None
    except ValueError as wrong:
        raise Problem(422, "The cursor cannot be read", where="query.cursor", remedy=str(wrong)) from None
    return store.Listing(**asked, limit=which.limit + 1, after=(after.moment(), after.seat_id) if after else None)


async def _book(run: Run, wanted: ByHand) -> Any:
    try:
        return await run(booking.book_by_hand, wanted)
    except TimeTaken as taken:
        raise Problem(409, "The time is taken", where=taken.where, remedy=taken.remedy) from None
    except NotHeardOf as unknown:
        raise Problem(404, "Nobody has this id", where=unknown.where, remedy=unknown.remedy) from None
    except NoSuchSeries:
        remedy = "use a series of this person and supporter, or leave it out"
        raise Problem(404, "No such series", where="body.series_id", remedy=remedy) from None
    except SeriesOver:
        remedy = "leave it out to begin a new series"
        raise Problem(409, "The series has ended", where="body.series_id", remedy=remedy) from None


async def _give_up(run: Run, given: GivingUp) -> None:
    try:
        await run(ending.give_up, given)
    except NoSuchSeries:
        remedy = "use the id that the task find_a_time is about"
        raise Problem(404, "No such series", where="path.series_id", remedy=remedy) from None
    except HasTimes:
        remedy = "say what became of its sessions with POST /sessions/{session_id}/seats/{seat_id}/outcome"
        raise Problem(409, "The series ends by itself", where="path.series_id", remedy=remedy) from None


async def _record(run: Run, handler: Any, said: Recording) -> bool:
    try:
        return bool(await run(handler, said))
    except CannotRecord as wrong:
        title = "This cannot have happened so"
        raise Problem(422 if wrong.invalid else 409, title, where=wrong.where, remedy=wrong.remedy) from None
    except NoSuchSeat:
        remedy = "list sessions and their seats with GET /sessions"
        raise Problem(404, "The session has no such seat", where="path.seat_id", remedy=remedy) from None
