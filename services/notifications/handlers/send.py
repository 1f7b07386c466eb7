"""The calls to the outside world: made outside any transaction, from what the store says at that moment."""

from collections.abc import Mapping

from sqlalchemy.exc import SQLAlchemyError

from services.notifications.pager import Pager
from services.notifications.rules import sending, timing, words
from services.notifications.rules.providers import Answer, Provider
from services.notifications.rules.sending import Limits, Person, Skip
from services.notifications.store.outgoing import Desk
from shared.clock import now
from shared.events.notifications import Channel, PageOnCall, SendAnswer, SendReminder
from shared.mailbox import Trip
from shared.programme import Programme

Providers = Mapping[Channel, Provider]


async def send_reminder(
    errand: SendReminder, trip: Trip, *, desk: Desk, providers: Providers, programme: Programme, limits: Limits
) -> Answer | Skip:
    """This will give a message to its channel, unless it was cancelled, stopped, too late or in quiet hours by now."""
    return _certainly(await _reminded(errand, desk, providers, programme, limits), trip)


def _certainly(found: Answer | Skip, trip: Trip) -> Answer | Skip:
    """This will call nothing unsent that an earlier process may have sent: only its provider can say."""
    said = isinstance(found, Answer) and found.outcome in ("accepted", "refused")
    return Answer("unknown") if trip.lost and not said else found


async def _reminded(
    errand: SendReminder, desk: Desk, providers: Providers, programme: Programme, limits: Limits
) -> Answer | Skip:
    try:
        found = await desk.look(person_id=errand.person_id, reminder_id=errand.reminder_id)
    except (SQLAlchemyError, OSError):
        return Answer("unreachable")
    due, person, to = found.due, found.person, _address(found.person, errand.channel)
    if due is None or person is None or to is None:
        return Skip("no_consented_channel")
    if withdrawn := sending.withdrawn(due.session, person):
        return withdrawn
    if now() > due.session.starts_at - timing.LATEST:
        return Skip("too_late")
    if timing.is_quiet(now(), zone=person.zone, hours=limits.hours):
        return Answer("unreachable")
    site, name = programme.site(due.session.site_id), due.session.public_name
    message = words.reminder(due.reminder.kind, due.session, person, site, name=name, channel=errand.channel)
    identity = sending.message_key(errand.reminder_id, errand.channel)
    return await providers[errand.channel].send(message, to=to, key=identity)


async def send_answer(
    errand: SendAnswer, trip: Trip, *, desk: Desk, providers: Providers, programme: Programme
) -> Answer | Skip:
    """This will answer a text: always, for it replies to the person's own message."""
    return _certainly(await _answered(errand, desk, providers, programme), trip)


async def _answered(errand: SendAnswer, desk: Desk, providers: Providers, programme: Programme) -> Answer | Skip:
    try:
        found = await desk.look(person_id=errand.person_id)
    except (SQLAlchemyError, OSError):
        return Answer("unreachable")
    person, to = found.person, _address(found.person, "sms")
    if person is None or to is None:
        return Skip("no_consented_channel")
    message = words.answer(errand.kind, programme.site(person.site_id), language=person.language)
    return await providers["sms"].send(message, to=to, key=str(errand.answer_id))


def _address(person: Person | None, channel: Channel) -> str | None:
    return next((each.address for each in person.reaches if each.channel == channel), None) if person else None


async def page(errand: PageOnCall, trip: Trip, *, pager: Pager, url: str, programme: Programme) -> Answer:
    """This will page whose turn it is at a site, at the one pager given or at the site's own."""
    del trip
    to = url or programme.site(errand.site_id).pager(errand.step)
    return await pager.send(errand, to=to) if to else Answer("unreachable")
