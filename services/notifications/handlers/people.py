"""What is known of the people who are written to, and of those they meet."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.handlers.timers import look_again
from services.notifications.rules import addresses, timing
from services.notifications.rules.sending import Limits, Reach
from services.notifications.store import people, reminders
from services.notifications.store.people import Consented, Contact
from services.notifications.store.reminders import Due
from shared.calendar import add_business_hours
from shared.clock import now
from shared.events.matching import SupporterRegistered
from shared.events.referrals import ContactShared
from shared.mailbox import Said
from shared.programme import Programme, Site
from shared.work import Asked, open_each, renew

OTHERWISE = (
    "The programme learnt from this person how they are reached, and a later referral says otherwise: nobody is "
    "written to there. Ask them; where it is right, keep it by POST /referrals/{id}/contact. It says:"
)


async def know_contact(
    told: list[ContactShared], db: AsyncConnection, *, limits: Limits, programme: Programme
) -> list[Said]:
    """This will remember how to reach people, and take up what waited for it or was planned for another zone.

    What the programme learnt from somebody no referrer replaces: where one says something else, somebody looks.
    """
    contacts = [_contact(each, programme.site(each.site_id)) for each in told]
    last = {each.told.person_id: each for each in contacts}
    reached, unheeded = _by_whom(contacts, await people.learnt(db, last))
    await people.keep(db, list(last.values()), reached=list(reached.values()))
    known = await people.known(db, [each.told.person_id for each in unheeded]) if unheeded else {}
    others = [each for each in unheeded if set(each.ways) - set(known[each.told.person_id].reaches)]
    await open_each(db, [_to_check(each.told, programme) for each in contacts if each.lacks_some])
    await renew(db, [_to_compare(each, programme) for each in others], by="notifications")
    moved = [
        (each, moment)
        for each in await reminders.waiting_for(db, last)
        if (moment := _moment(each, zone=last[each.reminder.person_id].zone, limits=limits)) != each.reminder.look_at
    ]
    await reminders.change(db, [_moved(each, moment) for each, moment in moved])
    return [look_again(each.reminder.reminder_id, each.reminder.person_id, due=moment) for each, moment in moved]


def _contact(told: ContactShared, site: Site) -> Contact:
    return Contact(told, _usable(told, region=site.region), timing.zone_of(told.zone, site.zone))


def _by_whom(contacts: Iterable[Contact], learnt: Collection[UUID]) -> tuple[dict[UUID, Contact], list[Contact]]:
    """This will give how each person is reached from now on, and what a referrer says who knows it no better."""
    reached: dict[UUID, Contact] = {}
    unheeded: list[Contact] = []
    for each in contacts:
        person_id, before = each.told.person_id, reached.get(each.told.person_id)
        if not each.told.learnt_at and (person_id in learnt or (before and before.told.learnt_at)):
            unheeded.append(each)
        else:
            reached[person_id] = each
    return reached, unheeded


def _to_compare(contact: Contact, programme: Programme) -> Asked:
    ways = ", ".join(f"{each.channel} {each.address}" for each in contact.ways)
    check = _to_check(contact.told, programme)
    return replace(check, kind="contact_differs", note=f"{OTHERWISE} {ways}.")


def _to_check(told: ContactShared, programme: Programme) -> Asked:
    site = programme.site(told.site_id)
    due = add_business_hours(site, now(), 8)
    return Asked(kind="contact_to_check", about=str(told.person_id), owner=site.site_id, due=due)


def _usable(contact: ContactShared, *, region: str) -> list[Consented]:
    """This will keep the addresses that exist, each in its one form, one a channel."""
    found: dict[str, Consented] = {}
    for each in contact.reaches:
        address = addresses.normalised(each.channel, each.address, region=region)
        if address:
            found.setdefault(each.channel, (Reach(channel=each.channel, address=address), each.consented_at))
    return list(found.values())


def _moment(due: Due, *, zone: ZoneInfo, limits: Limits) -> datetime:
    return timing.moment_again(due.reminder.kind, due.session.starts_at, now=now(), zone=zone, hours=limits.hours)


def _moved(due: Due, moment: datetime) -> dict[str, object]:
    return {"reminder_id": due.reminder.reminder_id, "due": moment, "look_at": moment}


async def know_supporter(supporters: list[SupporterRegistered], db: AsyncConnection) -> None:
    """This will remember what people may call supporters."""
    await people.meet(db, supporters)
