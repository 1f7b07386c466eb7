"""A FHIR Task that asks to fulfill a ServiceRequest: what it adds to the request it is about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from services.referrals.fhir import changes
from services.referrals.fhir.codes import is_danger
from services.referrals.fhir.links import Found, model
from services.referrals.fhir.outcome import refuse
from services.referrals.fhir.patient import identifiers
from services.referrals.fhir.request import URGENCIES
from services.referrals.fhir.resources import Task
from services.referrals.fhir.risk import of_extensions, worst
from services.referrals.rules.order import ReferralOrder, Risk
from shared.events.fact import Urgency

STATUSES: dict[str, str] = {**changes.STATUSES, **dict.fromkeys(("completed", "failed", "rejected"), "completed")}
"""A Task that is over, as its request's status; any other asks for it still."""

SOONEST: tuple[Urgency, ...] = ("urgent", "priority", "routine")


def task(raw: Any, path: str) -> Task:
    """This will read a Task; Refused where it asks for something else than a referral, or for nothing yet."""
    read = model(Task, raw, path)
    if read.code.codes() and "fulfill" not in read.code.codes():
        raise refuse("not-supported", f"{path}.code", "send a Task that asks to fulfill a ServiceRequest")
    if read.status == "draft":
        raise refuse("business-rule", f"{path}.status", "a draft asks for nothing yet: send it once it is requested")
    return read


def about(read: Task) -> set[str]:
    """This will give the names by which a Task refers to its request, whole and as `Type/id`."""
    written = [read.focus.reference, *(each.reference for each in read.based_on)]
    return {name for each in written if each for name in (each, "/".join(each.rsplit("/", 2)[-2:]))}


def by_request(found: Iterable[Found]) -> Mapping[str, dict[int, Task]]:
    """This will give a Bundle's Tasks and their places, by each name of the request they are about."""
    asking: defaultdict[str, dict[int, Task]] = defaultdict(dict)
    for place, each in enumerate(found):
        if each.kind == "Task":
            read = task(each.raw, each.path)
            for name in about(read):
                asking[name][place] = read
    return asking


def asked_by(order: ReferralOrder, some: Iterable[Task]) -> ReferralOrder:
    """This will let Tasks add to their request: a number where it has none, haste, words for people, and their end."""
    for each in some:
        order = order.model_copy(
            update={
                "identifier": order.identifier or next(iter(identifiers(each.identifier)), None),
                "status": STATUSES.get(each.status, order.status),
                "urgency": min(order.urgency, URGENCIES[each.priority], key=SOONEST.index),
                "risk": worst([order.risk, of_extensions(each.extension, "Task"), _reason_of(each)]),
                "notes": [*order.notes, *_words(each)],
            }
        )
    return order


def _reason_of(read: Task) -> Risk | None:
    return "flagged" if is_danger(read.reason_code) or is_danger(read.status_reason) else None


def _words(read: Task) -> list[str]:
    told = [read.description, *(each.text for each in read.note)]
    told += [*read.status_reason.words(), *read.reason_code.words()]
    return [each for each in told if each]
