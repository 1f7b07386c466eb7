"""What is planned when sessions are booked, and forgotten when they are cancelled."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.handlers.timers import first_look
from services.notifications.rules import timing
from services.notifications.rules.sending import Limits
from services.notifications.store import people, reminders
from shared.clock import now
from shared.events.notifications import PlannedReminder, RemindersPlanned
from shared.events.scheduling import SeriesBooked, SessionCancelled
from shared.mailbox import Said
from shared.programme import Programme


async def plan_reminders(
    series: list[SeriesBooked], db: AsyncConnection, *, limits: Limits, programme: Programme
) -> list[Said]:
    """This will plan a confirmation for each series and the reminders whose moment is still ahead."""
    zones = await people.zones(db, [each.person_id for each in series])
    planned: dict[UUID, tuple[SeriesBooked, list[PlannedReminder]]] = {}
    for each in series:
        zone = timing.zone_of(zones.get(each.person_id, each.zone), programme.site(each.site_id).zone)
        planned[each.series_id] = each, timing.plan(each, now=now(), zone=zone, hours=limits.hours)
    await reminders.book(db, series)
    new = await reminders.add(db, list(planned.values()), at=now())
    return [said for each, plans in new for said in _said(each, plans)]


def _said(series: SeriesBooked, planned: list[PlannedReminder]) -> list[Said]:
    """This will be one fact of all the series' messages, and a timer for each."""
    fact = RemindersPlanned(series_id=series.series_id, person_id=series.person_id, reminders=planned)
    return [fact, *(first_look(each.reminder_id, series.person_id, due=each.due) for each in planned)]


async def cancel(cancelled: list[SessionCancelled], db: AsyncConnection) -> None:
    """This will remember cancellations; the sessions' messages ring, see it, and stay unsent."""
    await reminders.cancel(db, cancelled, at=now())
