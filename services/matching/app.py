"""The switchboard of the matching service: who hears what, and the routes."""

from functools import partial

from fastapi import APIRouter

from services.matching import http
from services.matching.handlers import amending, answer, count, leave, linking, register
from services.matching.handlers.match import match
from services.matching.rules.policy import Policy
from services.matching.rules.supporter import Registration
from services.matching.settings import Settings
from shared import consents
from shared.database import Database
from shared.edge import add_routes
from shared.events.matching import OfferDeclined, OfferExpired, OfferFellDue, RoomFreed
from shared.events.referrals import (
    ConsentGiven,
    ConsentRevoked,
    PersonLinked,
    ReferralAccepted,
    ReferralAmended,
    ReferralClosed,
    ReferralHeld,
    ReferralLinked,
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
    add_routes(service.http, edge(service.mailbox, service.database, service.programme, policy))
    return service


def edge(mailbox: Mailbox, database: Database, programme: Programme, policy: Policy) -> APIRouter:
    """This will serve agencies."""
    asks = http.Asks(
        answer=mailbox.together(partial(answer.answer, programme=programme, policy=policy)),
        register=mailbox.together(partial(register.register_supporters, programme=programme, policy=policy)),
    )
    return http.routes(mailbox.run, asks, database, programme, policy=policy)


def switch(mailbox: Mailbox, programme: Programme, policy: Policy) -> None:
    """This will say who hears what."""
    matching = partial(match, programme=programme, policy=policy)
    mailbox.on_many(ReferralAccepted | OfferDeclined | OfferExpired | RoomFreed, matching)
    mailbox.on_timer(OfferFellDue, partial(answer.expire, programme=programme, policy=policy), many=True)
    mailbox.on_many(ReferralAmended, partial(amending.amend, programme=programme, policy=policy))
    mailbox.on_many(ReferralHeld, leave.hold)
    mailbox.on_many(ReferralRefused | ReferralClosed | ReferralLinked, leave.refuse)
    mailbox.on_many(ConsentGiven, consents.given)
    mailbox.on_many(ConsentRevoked, partial(leave.revoke, programme=programme))
    mailbox.on_many(PersonLinked, partial(linking.link, programme=programme, policy=policy))
    mailbox.on_many(SeriesEnded, leave.end)
    posted = partial(register.supporters_posted, programme=programme, policy=policy)
    mailbox.on_ingest("supporter", posted, many=True, schema=Registration)
