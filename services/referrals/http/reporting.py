"""For the programme's own people: what they told without a consent, because the law lets them or makes them."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from services.referrals import handlers
from services.referrals.http.findings import Body, Name, Words, nobody
from services.referrals.http.route import Here
from services.referrals.rules.reports import Ground
from shared.callers import Agency
from shared.edge import Problem, StrictRoute
from shared.events.fact import Instant


class ToldBody(Body):
    """Who told whom what, on what ground, and when: what 42 CFR 2.51 asks to be written down of an emergency.

    `task_id` is the task `mandated_report` that it settles.
    """

    ground: Ground
    by: Name
    recipient: Name
    nature: Words
    at: Instant
    task_id: UUID | None = None


class SuspicionBody(Body):
    """Who saw or heard what may have to be reported; the words stay at the programme, sealed."""

    by: Name
    note: Words


class ReportKept(BaseModel):
    """The report that was kept."""

    report_id: UUID


class ReportDue(BaseModel):
    """The task of reporting it, and by when it is due."""

    task_id: UUID
    due: datetime


router = APIRouter(prefix="/people/{person_id}", route_class=StrictRoute, tags=["consent"])
"""What is told without a consent, below /people."""


@router.post("/reports", status_code=201)
async def reports(person_id: UUID, body: ToldBody, _: Agency, edge: Here) -> ReportKept:
    """Write down what you told without a consent; it stands in the person's accounting, and closes its task."""
    reporting = handlers.Reporting(person_id=person_id, **body.model_dump())
    try:
        return ReportKept(report_id=await edge.run(handlers.keep_report, reporting))
    except handlers.NobodyKnown:
        raise nobody() from None
    except handlers.NotYet:
        remedy = "write it down once you have told it"
        raise Problem(422, "This is still to come", where="body.at", remedy=remedy) from None
    except handlers.NoSuchDuty:
        remedy = "name a task mandated_report of this person, as GET /work lists it"
        raise Problem(409, "That task is another", where="body.task_id", remedy=remedy) from None


@router.post("/mandated-report", status_code=201)
async def mandated_report(person_id: UUID, body: SuspicionBody, _: Agency, edge: Here) -> ReportDue:
    """Say that abuse or neglect may have to be reported: your task, until the report is written down."""
    suspicion = handlers.Suspicion(person_id=person_id, **body.model_dump())
    try:
        duty: handlers.Duty = await edge.run(handlers.suspect, suspicion)
    except handlers.NobodyKnown:
        raise nobody() from None
    return ReportDue(task_id=duty.task_id, due=duty.due)
