"""What is planned when sessions are booked, and forgotten when they are cancelled."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.rules import timing
from services.notifications.rules.sending import Limits
from services.notifications.rules.timing import Plan
from services.notifications.store import people, reminders
from shared.clock import now
from shared.events.notifications import ReminderFellDue, ReminderPlanned
from shared.events.scheduling import SeriesBooked, SessionCancelled
from shared.mailbox import Later, Said
from shared.programme import Programme


async def plan_reminders(
    series: list[SeriesBooked], db: AsyncConnection, *, limits: Limits, programme: Programme
) -> list[Said]:
    """This will plan a confirmation for each series and the reminders whose moment is still ahead."""
    zones = await people.zones(db, [each.person_id for each in series])
    planned: list[tuple[SeriesBooked, Plan]] = []
    for each in series:
        site = programme.site(each.site_id)
        zone = timing.zone_of(zones.get(each.person_id, each.zone), site.zone)
        planned += [(each, plan) for plan in timing.plan(each, now=now(), zone=zone, hours=limits.hours)]
    await reminders.book(db, series)
    new = await reminders.add(db, planned, at=now())
    return [said for one, plan in planned if plan.reminder_id in new for said in _said(one, plan)]


def _said(series: SeriesBooked, plan: Plan) -> list[Said]:
    fact = ReminderPlanned(
        reminder_id=plan.reminder_id,
        session_id=plan.session_id,
        person_id=series.person_id,
        kind=plan.kind,
        due=plan.due,
    )
    return [fact, when_due(fact, plan.due)]


def when_due(planned: ReminderPlanned, due: datetime) -> Later:
    """This will be the timer of a planned message."""
    return Later(ReminderFellDue(reminder_id=planned.reminder_id, person_id=planned.person_id), due=due)


async def cancel(cancelled: SessionCancelled, db: AsyncConnection) -> None:
    """This will remember a cancellation; the session's messages ring, see it, and stay unsent."""
    await reminders.cancel(db, cancelled, at=now())
