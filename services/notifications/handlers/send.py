"""The calls to the outside world: made outside any transaction, from what the store says at that moment."""

from collections.abc import Mapping

from services.notifications.pager import Pager
from services.notifications.rules import sending, words
from services.notifications.rules.providers import Answer, Provider
from services.notifications.rules.sending import Person, Skip
from services.notifications.store import people, reminders
from shared.database import Database
from shared.events.notifications import Channel, PageOnCall, SendAnswer, SendReminder
from shared.programme import Programme

Providers = Mapping[Channel, Provider]


async def send_reminder(
    errand: SendReminder, key: str, *, database: Database, providers: Providers, programme: Programme
) -> Answer | Skip:
    """This will give a message to its channel, unless it was cancelled or stopped in the last moment."""
    del key
    async with database.reading() as db:
        due = await reminders.one(db, errand.reminder_id)
        person = (await people.known(db, [errand.person_id])).get(errand.person_id)
    to = _address(person, errand.channel)
    if due is None or person is None or to is None:
        return Skip("no_consented_channel")
    if withdrawn := sending.withdrawn(due.session, person):
        return withdrawn
    site, name = programme.site(due.session.site_id), due.session.public_name
    message = words.reminder(due.reminder.kind, due.session, person, site, name=name, channel=errand.channel)
    identity = sending.message_key(errand.reminder_id, errand.channel)
    return await providers[errand.channel].send(message, to=to, key=identity)


async def send_answer(
    errand: SendAnswer, key: str, *, database: Database, providers: Providers, programme: Programme
) -> Answer:
    """This will answer a text: always, for it replies to the person's own message."""
    del key
    async with database.reading() as db:
        person = (await people.known(db, [errand.person_id])).get(errand.person_id)
    to = _address(person, "sms")
    if person is None or to is None:
        return Answer("refused")
    message = words.answer(errand.kind, programme.site(person.site_id), language=person.language)
    return await providers["sms"].send(message, to=to, key=str(errand.answer_id))


def _address(person: Person | None, channel: Channel) -> str | None:
    return next((each.address for each in person.reaches if each.channel == channel), None) if person else None


async def page(errand: PageOnCall, key: str, *, pager: Pager, url: str, programme: Programme) -> Answer:
    """This will page the on-call person of a site, at the one pager given or at the site's own."""
    del key
    to = url or programme.site(errand.site_id).on_call
    return await pager.send(errand, to=to) if to else Answer("unreachable")
