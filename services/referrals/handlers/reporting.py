"""Keeps what people at the programme told without a consent, and asks them to tell what they must."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.consenting import of_life
from services.referrals.handlers.held import written_down
from services.referrals.rules.reports import REPORT_WITHIN, Ground, Report
from shared.clock import now
from shared.mailbox import Reply
from shared.sealed import lookup
from shared.work import Asked, close_by_id, one_task, open_each, task_of

TASK = "mandated_report"


class NoSuchDuty(ValueError):
    """The task is not one of reporting this person."""


class NotYet(ValueError):
    """What is kept as told is still to come."""


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """What somebody at the programme told whom, on what ground, and when; the task that it settles, if any."""

    person_id: UUID
    ground: Ground
    by: str
    recipient: str
    nature: str
    at: datetime
    task_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Duty:
    """What must be reported: the task, and by when."""

    task_id: UUID
    due: datetime


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """What somebody at the programme saw or heard that may have to be reported, and who."""

    person_id: UUID
    by: str
    note: str


async def keep_report(reporting: Reporting, db: AsyncConnection) -> Reply:
    """This will keep what was told of a person, and close the task of telling it; NoSuchDuty where it names another."""
    mine = await of_life(db, reporting.person_id)
    if reporting.at > now():
        raise NotYet
    said = asdict(reporting)
    task_id = said.pop("task_id")
    report = Report(report_id=uuid5(reporting.person_id, f"report {json.dumps(said, default=str)}"), **said)
    if task_id:
        task = await one_task(db, task_id)
        if task is None or task.kind != TASK or not task.about.startswith(str(reporting.person_id)):
            raise NoSuchDuty
        await close_by_id(db, task_id, reporting.by)
    await store.report(db, report)
    lines = [written_down(each, "told_without_consent", reporting.by) for each in mine.values()]
    await store.note(db, [replace(each, key=str(report.report_id)) for each in lines])
    return Reply(report.report_id)


async def suspect(suspicion: Suspicion, db: AsyncConnection) -> Reply:
    """This will put before whoever saw it that it must be reported, and by when."""
    await of_life(db, suspicion.person_id)
    # Each suspicion is a matter of its own, also of the same person.
    matter = lookup("suspicion", str(suspicion.person_id), suspicion.by, suspicion.note)[:12]
    about, due = f"{suspicion.person_id} {matter}", now() + REPORT_WITHIN
    await open_each(db, [Asked(kind=TASK, about=about, owner=suspicion.by, due=due, note=suspicion.note)])
    return Reply(Duty(task_id=task_of(TASK, about), due=due))
