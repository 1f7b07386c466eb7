"""What is planned when sessions are booked, and forgotten when they are cancelled."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.handlers.timers import first_look
from services.notifications.rules import timing
from services.notifications.rules.sending import Limits
from services.notifications.rules.timing import Plan
from services.notifications.store import people, reminders
from shared.clock import now
from shared.events.notifications import ReminderPlanned
from shared.events.scheduling import SeriesBooked, SessionCancelled
from shared.mailbox import Said
from shared.programme import Programme


async def plan_reminders(
    series: list[SeriesBooked], db: AsyncConnection, *, limits: Limits, programme: Programme
) -> list[Said]:
    """This will plan a confirmation for each series and the reminders whose moment is still ahead."""
    zones = await people.zones(db, [each.person_id for each in series])
    planned: dict[UUID, tuple[SeriesBooked, Plan]] = {}
    for each in series:
        site = programme.site(each.site_id)
        zone = timing.zone_of(zones.get(each.person_id, each.zone), site.zone)
        plans = timing.plan(each, now=now(), zone=zone, hours=limits.hours)
        planned |= {plan.reminder_id: (each, plan) for plan in plans}
    await reminders.book(db, series)
    new = await reminders.add(db, list(planned.values()), at=now())
    return [said for key, (one, plan) in planned.items() if key in new for said in _said(one, plan)]


def _said(series: SeriesBooked, plan: Plan) -> list[Said]:
    fact = ReminderPlanned(
        reminder_id=plan.reminder_id,
        session_id=plan.session_id,
        person_id=series.person_id,
        kind=plan.kind,
        due=plan.due,
    )
    return [fact, first_look(plan.reminder_id, series.person_id, due=plan.due)]


async def cancel(cancelled: list[SessionCancelled], db: AsyncConnection) -> None:
    """This will remember cancellations; the sessions' messages ring, see it, and stay unsent."""
    await reminders.cancel(db, cancelled, at=now())
