"""The switchboard of the referrals service."""

import ssl
from collections.abc import Callable
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import handlers, store
from services.referrals.edge import Edge
from services.referrals.fhir.subscriptions import LONGEST_TIMEOUT
from services.referrals.hook import Hooks
from services.referrals.http import (
    asking_routes,
    consent_routes,
    directory_routes,
    fhir_routes,
    follow_up_routes,
    identity_routes,
    people_routes,
    reporting,
    smart_routes,
    ways_routes,
)
from services.referrals.key_sets import KeySets
from services.referrals.mllp import Line, Taking, listening
from services.referrals.rules.figures import figures
from services.referrals.rules.hooks import Reaches
from services.referrals.rules.triage import PAGED_WITHIN
from services.referrals.rules.written import Written
from services.referrals.settings import Settings
from shared.clock import now
from shared.database import Database
from shared.edge import add_routes
from shared.events.matching import BridgeOffered, MatchMade, OfferMade, ReferralWaitlisted
from shared.events.notifications import OnCallPaged
from shared.events.referrals import (
    ComparisonFellDue,
    NotifySubscriber,
    OutcomeFellDue,
    ReferralFellDue,
    SubscriptionFellDue,
)
from shared.events.scheduling import SeatHeld, SeatMissed, SeriesBooked, SeriesEnded, SeriesNotBooked
from shared.mailbox.box import Mailbox
from shared.pace import Pace
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
    service.http.state.pace = pace = Pace(settings.requests_per_second, settings.requests_at_once)
    service.http.state.edge = edge = edge_of(service, settings)
    hooks = partial(_hooks, edge.reaches, settings.hook_tls())
    key_sets = KeySets(hooks)
    call_out(mailbox, service.database, programme, hooks, base=edge.fhir)
    add_routes(
        service.http,
        smart_routes(mailbox.run, programme, pace, key_sets, address=settings.token_address()),
        fhir_routes(edge, token=settings.token_address()),
        people_routes(edge),
        consent_routes(edge),
        reporting,
        identity_routes(edge),
        follow_up_routes(edge),
        directory_routes(edge),
    )
    if asked := programme.self_referral:
        service.http.state.asks = Pace(settings.asks_per_minute / 60, settings.asks_at_once)
        service.http.state.looks = Pace(1, 60)
        add_routes(service.http, asking_routes(edge, asked), ways_routes(edge, asked))
    lines, taking = _lines(settings, programme), Taking(edge=edge, pace=pace)
    service.beside(lambda: listening(lines, taking, settings.tls()))
    service.figures(count)
    service.still_waits = partial(handlers.still_waits, programme=programme)
    service.refuse_misfit = partial(handlers.refuse_misfit, programme=programme)
    return service


def edge_of(service: Service, settings: Settings) -> Edge:
    """This will give what posts are taken in by, whichever way they come."""
    return Edge(
        receive=service.mailbox.together(partial(handlers.receive, programme=service.programme)),
        disclose=service.mailbox.together(handlers.disclose),
        run=service.mailbox.run,
        database=service.database,
        programme=service.programme,
        fhir=settings.address() + "/fhir",
        is_public=bool(settings.public_url),
        reaches=settings.reaches(),
        shipped=settings.shipped_directory(),
    )


def _lines(settings: Settings, programme: Programme) -> list[Line]:
    """This will give each organisation its line; ValueError where one is not known to send HL7 v2."""
    senders = {name for name, each in programme.organisations.items() if each.mllp}
    if strangers := sorted(settings.mllp.keys() - senders):
        raise ValueError(f"ALONGSIDE_REFERRALS_MLLP: {', '.join(strangers)} must be an organisation with mllp: true")
    certified = settings.mllp_authorities is not None
    return [Line(name, settings.mllp_host, port, certified) for name, port in settings.mllp.items()]


def switch(mailbox: Mailbox, programme: Programme) -> None:
    """This will say who hears what."""
    mailbox.on_ingest("referral", partial(handlers.ingest, programme=programme), many=True, schema=Written)
    mailbox.on_many(JOURNEY, partial(handlers.advance, programme=programme))
    mailbox.on_many(OnCallPaged, handlers.paged)
    mailbox.on_timer(ComparisonFellDue, partial(handlers.compare, programme=programme), many=True)
    mailbox.on_timer(OutcomeFellDue, partial(handlers.play, programme=programme), many=True)
    mailbox.on_timer(ReferralFellDue, partial(handlers.look_at_clocks, programme=programme), many=True)
    mailbox.on_timer(SubscriptionFellDue, partial(handlers.look_at_subscriptions, programme=programme), many=True)


def call_out(
    mailbox: Mailbox, database: Database, programme: Programme, hooks: Callable[[str], Hooks], *, base: str
) -> None:
    """This will say how subscribers are called; they know a call again by its id, and its events by their numbers."""
    call = partial(handlers.notify, database=database, hooks=hooks, base=base)
    mailbox.errand(
        NotifySubscriber,
        call,
        then=partial(handlers.record, programme=programme),
        timeout=LONGEST_TIMEOUT + 5,
        many=True,
    )


def _hooks(reaches: Reaches, tls: ssl.SSLContext | None, organisation: str) -> Hooks:
    return Hooks(reaches.of(organisation), tls=tls)


async def count(db: AsyncConnection) -> dict[str, int]:
    """This will count what this service has done."""
    return figures(await store.counts(db)) | {
        "referrals_crises_unheard": await store.unheard(db, before=now() - PAGED_WITHIN),
        "referrals_overdue": await store.overdue(db, at=now()),
    }
