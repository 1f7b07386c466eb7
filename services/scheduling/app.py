"""The scheduling service's switchboard."""

from datetime import timedelta
from functools import partial

from services.scheduling.handlers import answering, attending, covering, insurers, linking, planning, visits
from services.scheduling.http import routes
from services.scheduling.rules.attendance import AttendanceTold
from services.scheduling.rules.plans import Plans
from services.scheduling.rules.told import AuthorizationTold, CoverageTold
from services.scheduling.settings import Settings
from services.scheduling.store.figures import figures
from shared import clock, consents
from shared.edge import add_routes
from shared.events.matching import MatchMade, SupporterRegistered
from shared.events.notifications import VisitAnswered
from shared.events.referrals import (
    ConsentGiven,
    ConsentRevoked,
    CoverageShared,
    PersonLinked,
    ReferralAccepted,
    ReferralAmended,
)
from shared.events.scheduling import InsurerTold, SessionUnrecorded, StatementsFellDue
from shared.mailbox.box import Mailbox
from shared.programme import Programme
from shared.service import Service


def create(settings: Settings) -> Service:
    """This will put the service together; nothing is opened yet."""
    service = Service.create("scheduling", settings)
    mailbox, programme, plans = service.mailbox, service.programme, settings.read_plans()
    switch(mailbox, programme, plans, settings)
    add_routes(service.http, routes(mailbox.run, service.database, programme, plans))
    service.figures(lambda db: figures(db, now=clock.now()))
    service.still_waits = visits.still_waits
    return service


def switch(mailbox: Mailbox, programme: Programme, plans: Plans, settings: Settings) -> None:
    """This will say who hears what."""
    lead = timedelta(hours=settings.lead_hours)

    plan_series = partial(planning.plan_series, programme=programme, count=settings.series_length, lead=lead)
    mailbox.on_many(MatchMade, plan_series)
    mailbox.on_many(SupporterRegistered, partial(covering.learn_supporter, plans=plans))
    mailbox.on_many(ReferralAccepted, covering.learn_label)
    mailbox.on_many(ReferralAmended, covering.protect)
    mailbox.on_many(CoverageShared, partial(covering.learn_coverage, plans=plans))
    mailbox.on_many(ConsentGiven, consents.given)
    mailbox.on_many(ConsentRevoked, consents.revoked)
    mailbox.on_many(PersonLinked, linking.link)
    mailbox.on_many(VisitAnswered, visits.hear_answers)
    mailbox.on_timer(SessionUnrecorded, visits.chase, many=True)
    mailbox.on_timer(InsurerTold, partial(covering.hear_insurers, plans=plans), many=True)
    mailbox.on_timer(StatementsFellDue, insurers.forget, many=True)
    coverage = partial(insurers.coverage_posted, programme=programme)
    mailbox.on_ingest("coverage", coverage, many=True, schema=CoverageTold)
    authorization = partial(insurers.authorization_posted, programme=programme, plans=plans)
    mailbox.on_ingest("authorization", authorization, many=True, schema=AuthorizationTold)
    attendance = partial(attending.attendance_posted, programme=programme, plans=plans)
    mailbox.on_ingest("attendance", attendance, schema=AttendanceTold)
    mailbox.on_query("covered-sessions", partial(answering.answer_on_bus, plans=plans, programme=programme))
