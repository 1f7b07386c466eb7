"""The switchboard of the referrals service."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import handlers, store
from services.referrals.http import fhir_routes, people_routes
from services.referrals.rules.figures import figures
from services.referrals.settings import Settings
from shared.events.matching import BridgeOffered, MatchMade, OfferMade, ReferralWaitlisted
from shared.events.scheduling import SeatHeld, SeatMissed, SeriesBooked, SeriesEnded, SeriesNotBooked
from shared.mailbox.box import Mailbox
from shared.programme import Programme
from shared.service import Service

JOURNEY = (
    OfferMade
    | ReferralWaitlisted
    | BridgeOffered
    | MatchMade
    | SeriesBooked
    | SeriesNotBooked
    | SeatHeld
    | SeatMissed
    | SeriesEnded
)


def create(settings: Settings) -> Service:
    """This will put the service together; nothing is opened until it runs."""
    service = Service.create("referrals", settings)
    mailbox, programme = service.mailbox, service.programme
    switch(mailbox, programme)
    receive = mailbox.together(partial(handlers.receive, programme=programme))
    service.http.include_router(fhir_routes(receive, mailbox.run, service.database, programme))
    service.http.include_router(people_routes(mailbox.run, service.database, programme))
    service.figures(count)
    service.still_waits = handlers.still_waits
    return service


def switch(mailbox: Mailbox, programme: Programme) -> None:
    """This will say who hears what."""
    mailbox.on_ingest("referral", partial(handlers.ingest, programme=programme), many=True)
    mailbox.on_many(JOURNEY, partial(handlers.advance, programme=programme))


async def count(db: AsyncConnection) -> dict[str, int]:
    """This will count what this service has done."""
    return figures(await store.counts(db))
