"""The switchboard of the matching service: who hears what, and the routes."""

from functools import partial

from services.matching import http
from services.matching.handlers import answer, count, leave, register
from services.matching.handlers.match import match
from services.matching.rules.policy import Policy
from services.matching.settings import Settings
from shared import consents
from shared.events.matching import OfferDeclined, OfferExpired, OfferFellDue, RoomFreed
from shared.events.referrals import (
    ConsentGiven,
    ConsentRevoked,
    ReferralAccepted,
    ReferralHeld,
    ReferralRefused,
)
from shared.events.scheduling import SeriesEnded
from shared.mailbox.box import Mailbox
from shared.programme import Programme
from shared.service import Service


def create(settings: Settings) -> Service:
    """This will put the service together; nothing outside is called before it starts."""
    service = Service.create("matching", settings)
    policy = settings.decided()
    switch(service.mailbox, service.programme, policy)
    service.figures(partial(count.figures, programme=service.programme))
    routes = http.routes(service.mailbox.run, service.database, service.programme, policy=policy)
    service.http.include_router(routes)
    return service


def switch(mailbox: Mailbox, programme: Programme, policy: Policy) -> None:
    """This will say who hears what."""
    matching = partial(match, programme=programme, policy=policy)
    mailbox.on_many(ReferralAccepted | OfferDeclined | OfferExpired | RoomFreed, matching)
    mailbox.on_timer(OfferFellDue, partial(answer.expire, programme=programme, policy=policy))
    mailbox.on(ReferralHeld, leave.hold)
    mailbox.on(ReferralRefused, leave.refuse)
    mailbox.on_many(ConsentGiven, consents.given)
    mailbox.on(ConsentRevoked, partial(leave.revoke, programme=programme))
    mailbox.on(SeriesEnded, leave.end)
    mailbox.on_ingest("supporter", partial(register.supporter_posted, programme=programme, policy=policy))
