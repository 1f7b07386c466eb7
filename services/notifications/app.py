"""The switchboard of the notifications service: who hears what, who calls whom, and the routes."""

from collections.abc import Mapping
from functools import partial

from services.notifications import handlers, http
from services.notifications.email import Smtp
from services.notifications.handlers import send
from services.notifications.pager import Pager
from services.notifications.rehearsal import Rehearsal
from services.notifications.rules import words
from services.notifications.rules.providers import Provider
from services.notifications.rules.sending import Limits
from services.notifications.settings import Settings
from services.notifications.sms import HttpSms
from services.notifications.store.figures import figures
from services.notifications.store.outgoing import Desk
from shared import consents
from shared.edge import add_routes
from shared.events.matching import SupporterRegistered
from shared.events.notifications import (
    Channel,
    PageFellDue,
    PageOnCall,
    PageUnanswered,
    ReminderFellDue,
    SendAnswer,
    SendReminder,
)
from shared.events.referrals import (
    ConsentGiven,
    ConsentRevoked,
    ContactShared,
    CrisisAcknowledged,
    CrisisRaised,
    PersonLinked,
    RiskCleared,
)
from shared.events.scheduling import SeriesBooked, SessionCancelled
from shared.linked import linked
from shared.mailbox.box import Mailbox
from shared.programme import Programme
from shared.service import Service


def create(settings: Settings) -> Service:
    """This will put the service together; ValueError when a site's own words must not, or cannot, be sent."""
    service = Service.create("notifications", settings)
    if wrong := [each for site in service.programme.sites.values() for each in words.complaints(site)]:
        raise ValueError("; ".join(wrong))
    mailbox, programme = service.mailbox, service.programme
    switch(mailbox, programme, settings.limits())
    call_out(mailbox, programme, settings, ways=providers(settings), pager=Pager())

    service.figures(figures)
    routes = http.routes(mailbox.run, service.database, programme, secret=settings.inbound_secret)
    add_routes(service.http, routes)
    return service


def switch(mailbox: Mailbox, programme: Programme, limits: Limits) -> None:
    """This will say who hears what."""
    mailbox.on_many(ContactShared, partial(handlers.know_contact, limits=limits, programme=programme))
    mailbox.on_many(SupporterRegistered, handlers.know_supporter)
    mailbox.on_many(ConsentGiven, consents.given)
    mailbox.on_many(ConsentRevoked, consents.revoked)
    mailbox.on_many(PersonLinked, linked)
    mailbox.on_many(CrisisRaised, handlers.hold)
    mailbox.on_many(CrisisAcknowledged, handlers.stand_down)
    mailbox.on_many(RiskCleared, handlers.release)
    mailbox.on_many(SeriesBooked, partial(handlers.plan_reminders, limits=limits, programme=programme))
    mailbox.on_many(SessionCancelled, handlers.cancel)
    mailbox.on_timer(ReminderFellDue, partial(handlers.ring, limits=limits), many=True)
    mailbox.on_timer(PageFellDue, handlers.page_again)
    mailbox.on_timer(PageUnanswered, handlers.escalate)


def call_out(
    mailbox: Mailbox,
    programme: Programme,
    settings: Settings,
    *,
    ways: Mapping[Channel, Provider],
    pager: Pager,
) -> None:
    """This will say how messages and pages leave; a repeat after a crash is safe only where the provider drops it."""
    desk, limits = Desk(mailbox.database), settings.limits()
    dedups = {channel: way.dedups for channel, way in ways.items()}
    mailbox.errand(
        SendReminder,
        partial(send.send_reminder, desk=desk, providers=ways, programme=programme, limits=limits),
        then=partial(handlers.record, limits=limits, dedups=dedups),
        repeatable=all(dedups.values()),
        many=True,
    )
    mailbox.errand(
        SendAnswer,
        partial(send.send_answer, desk=desk, providers=ways, programme=programme),
        then=partial(handlers.record_answer, dedups=dedups["sms"]),
        repeatable=dedups["sms"],
    )
    call = partial(send.page, pager=pager, url=settings.pager_url, programme=programme)
    mailbox.errand(PageOnCall, call, then=handlers.record_page)


def providers(settings: Settings) -> dict[Channel, Provider]:
    """This will choose each channel's provider; ValueError says how a URL is written."""
    sms: Provider = Rehearsal()
    mail: Provider = Rehearsal()
    if settings.sms_url != "test:":
        token = settings.sms_token.get_secret_value()
        sms = HttpSms(settings.sms_url, sender=settings.sms_from, token=token, dedups=settings.sms_dedups)
    if settings.smtp_url != "test:":
        mail = Smtp(settings.smtp_url, sender=settings.mail_from, dedups=settings.smtp_dedups)
    return {"sms": sms, "email": mail}
