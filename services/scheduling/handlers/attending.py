"""Takes in who came to a session, from whoever holds it: recorded as staff record it, and never over their word."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.handlers import recording
from services.scheduling.handlers.recording import ATTENDANCE_DIFFERS, TIME_TO_ACT, NoSuchSeat
from services.scheduling.reading import Refused, read
from services.scheduling.rules import attendance as rules
from services.scheduling.rules import outcomes
from services.scheduling.rules.attendance import AttendanceTold
from services.scheduling.rules.outcomes import CannotRecord, Recording, Seat
from services.scheduling.rules.plans import Plans
from services.scheduling.store import meetings as store
from shared.clock import now
from shared.mailbox import Ingested, Said
from shared.programme import POSTS, Programme
from shared.work import Asked, notes_of, renew

NO_SESSION = (
    "name a session of a supporter of yours, or of one who has you as a host; where it is, have the agency register "
    "that supporter again"
)
"""One answer for a session that is not the sender's, that nobody is known to hold yet, and that does not exist."""


async def attendance_posted(posted: Ingested, db: AsyncConnection, *, programme: Programme, plans: Plans) -> list[Said]:
    """This will record who came, or ask a person where something else is recorded, and tell whoever said so."""
    try:
        said = _read(posted, programme)
        outcome, follows = await _take(said, db, plans=plans)
    except Refused as wrong:
        return [posted.told({"status": "refused", "message_id": posted.known_as, "errors": wrong.errors})]
    return [*follows, posted.told({"status": "accepted", "message_id": posted.known_as, "outcome": outcome})]


def _read(posted: Ingested, programme: Programme) -> Recording:
    sender = programme.organisations.get(posted.organisation)
    if sender is None or posted.kind not in POSTS[sender.kind]:
        raise Refused.at("subject", "only organisations that hold sessions tell who came")
    told = read(posted.body, posted.content_type, kind=posted.kind, schema=AttendanceTold)
    return told.recording(by=posted.organisation)


async def _take(said: Recording, db: AsyncConnection, *, plans: Plans) -> tuple[str, list[Said]]:
    if said.by not in await store.holders(db, said.session_id):
        raise Refused.at("$.session_id", NO_SESSION)
    try:
        series = await recording.series_alone(db, said)
        seat = recording.named(series, said)
        if seat.outcome is not None:
            return await _compare(seat, said, db), []
        return "recorded", await recording.happened(said, series, db, plans=plans) or []
    except NoSuchSeat:
        raise Refused.at("$.seat_id", "name a seat of this session") from None
    except CannotRecord as wrong:
        raise Refused.at(wrong.where.replace("body", "$", 1), wrong.remedy) from None


async def _compare(seat: Seat, said: Recording, db: AsyncConnection) -> str:
    """This will ask a person where another outcome is recorded; one that cannot be is refused all the same.

    Whoever says otherwise later has its last word looked at, or none where that is what is recorded.
    """
    outcomes.check_possible(seat, said, now=now())
    about, due = str(seat.session_id), now() + TIME_TO_ACT
    asked = Asked(kind=ATTENDANCE_DIFFERS, about=about, owner="supporter", due=due)
    before = next(iter((await notes_of(db, [asked])).values()), "")
    await renew(db, [replace(asked, note=rules.differences(before, seat, said) or None)], by=said.by)
    return "known" if rules.agrees(seat, said) else "differs"
