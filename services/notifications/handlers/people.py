"""What is known of the people who are written to, and of those they meet."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.handlers.timers import look_again
from services.notifications.rules import addresses, timing
from services.notifications.rules.sending import Limits, Reach
from services.notifications.store import people, reminders
from services.notifications.store.reminders import Due
from shared.calendar import add_business_hours
from shared.clock import now
from shared.events.matching import SupporterRegistered
from shared.events.referrals import ContactShared
from shared.mailbox import Said
from shared.programme import Programme
from shared.work import open_task


async def know_contact(
    contact: ContactShared, db: AsyncConnection, *, limits: Limits, programme: Programme
) -> list[Said]:
    """This will remember how to reach a person, and take up what waited for it or was planned for another zone."""
    site = programme.site(contact.site_id)
    zone = timing.zone_of(contact.zone, site.zone)
    usable = _usable(contact, region=site.region)
    await people.keep(db, contact, usable, zone=zone)
    if len(usable) < len(contact.reaches):
        due = add_business_hours(site, now(), 8)
        await open_task(db, kind="contact_to_check", about=str(contact.person_id), owner=site.site_id, due=due)
    waiting = await reminders.waiting_for(db, contact.person_id)
    moved = [
        (each, moment)
        for each in waiting
        if (moment := _moment(each, zone=zone, limits=limits)) != each.reminder.look_at
    ]
    await reminders.change(db, [_moved(each, moment) for each, moment in moved])
    return [look_again(each.reminder.reminder_id, contact.person_id, due=moment) for each, moment in moved]


def _usable(contact: ContactShared, *, region: str) -> list[people.Consented]:
    """This will keep the addresses that exist, each in its one form, one a channel."""
    found: dict[str, people.Consented] = {}
    for each in contact.reaches:
        address = addresses.normalised(each.channel, each.address, region=region)
        if address:
            found.setdefault(each.channel, (Reach(channel=each.channel, address=address), each.consented_at))
    return list(found.values())


def _moment(due: Due, *, zone: ZoneInfo, limits: Limits) -> datetime:
    return timing.moment_again(due.reminder.kind, due.session.starts_at, now=now(), zone=zone, hours=limits.hours)


def _moved(due: Due, moment: datetime) -> dict[str, object]:
    return {"reminder_id": due.reminder.reminder_id, "due": moment, "look_at": moment}


async def know_supporter(supporter: SupporterRegistered, db: AsyncConnection) -> None:
    """This will remember what people may call a supporter."""
    await people.meet(db, supporter)
