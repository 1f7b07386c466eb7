"""What a subscriber is told, as the R5 backport has it: a history Bundle that begins with the subscription's status."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.referrals.fhir.answers import instant, some
from services.referrals.fhir.subscriptions import BACKPORT, TOPIC, TOPIC_ID
from services.referrals.rules.subscriptions import Kind, Subscription, error
from shared.ids import beside

Type = Kind | Literal["query-status"]
Event = tuple[int, datetime, UUID]
"""The number of what happened, when it was, and the Task that changed."""


def notice(known: Subscription, events: Sequence[Event], *, at: datetime, base: str) -> dict[str, Any]:
    """This will give the Bundle of a call that is under way, with the same id however often this call is made.

    It holds ids at most, and never a resource. Who reads it was reached: that a call failed before is not in it.
    """
    kind = known.calling or "handshake"
    notice_id = beside(known.subscription_id, f"notice {known.turn}")
    reached = replace(known, status="requested" if kind == "handshake" else "active", failing_since=None)
    told = status(reached, kind, events, total=known.numbered, base=base)
    about = f"{base}/Subscription/{known.subscription_id}/$status"
    first = {
        "fullUrl": f"urn:uuid:{notice_id}",
        "resource": {"id": str(notice_id), **told},
        "request": {"method": "GET", "url": about},
        "response": {"status": "200"},
    }
    tasks = dict.fromkeys(task for _, _, task in events) if known.wanted.content == "id-only" else {}
    return {
        "resourceType": "Bundle",
        "id": str(notice_id),
        "meta": {"profile": [BACKPORT + "backport-subscription-notification-r4"]},
        "type": "history",
        "timestamp": instant(at),
        "entry": [first, *(_changed(each, base) for each in tasks)],
    }


def _changed(task: UUID, base: str) -> dict[str, Any]:
    address = f"{base}/Task/{task}"
    return {"fullUrl": address, "request": {"method": "PUT", "url": f"Task/{task}"}, "response": {"status": "200"}}


def status(known: Subscription, kind: Type, events: Sequence[Event] = (), *, total: int, base: str) -> dict[str, Any]:
    """This will give the SubscriptionStatus, as Parameters, with `total` events since it began."""
    parts: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": {"reference": f"{base}/Subscription/{known.subscription_id}"}},
        {"name": "topic", "valueCanonical": TOPIC},
        {"name": "status", "valueCode": known.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(total)},
        *({"name": "notification-event", "part": _event(each, known, base)} for each in events),
    ]
    if told := error(known):
        parts.append({"name": "error", "valueCodeableConcept": {"text": told}})
    profile = BACKPORT + "backport-subscription-status-r4"
    return {"resourceType": "Parameters", "meta": {"profile": [profile]}, "parameter": parts}


def _event(event: Event, known: Subscription, base: str) -> list[dict[str, Any]]:
    number, at, task = event
    said: list[dict[str, Any]] = [
        {"name": "event-number", "valueString": str(number)},
        {"name": "timestamp", "valueInstant": instant(at)},
    ]
    if known.wanted.content == "id-only":
        said.append({"name": "focus", "valueReference": {"reference": f"{base}/Task/{task}"}})
    return said


def searchset(bodies: Sequence[dict[str, Any]], *, base: str) -> dict[str, Any]:
    """This will answer a question about subscriptions with all that were found."""
    entries = [{**_address(each, base), "resource": each, "search": {"mode": "match"}} for each in bodies]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(bodies), **some("entry", entries)}


def _address(body: dict[str, Any], base: str) -> dict[str, str]:
    return {"fullUrl": f"{base}/Subscription/{body['id']}"} if "id" in body else {}


def topic() -> dict[str, Any]:
    """This will give the one topic there is, as FHIR R4B writes it."""
    return {
        "resourceType": "SubscriptionTopic",
        "id": TOPIC_ID,
        "url": TOPIC,
        "title": "What became of a referral",
        "status": "active",
        "description": "A Task of a referral of yours arrived, or says something else than before: as far as the "
        "person's consent lets you know, and whenever the status stream says it.",
        "resourceTrigger": [
            {
                "description": "The Task of one of your own referrals changed in what you may see",
                "resource": "http://hl7.org/fhir/StructureDefinition/Task",
                "supportedInteraction": ["create", "update"],
            }
        ],
        "notificationShape": [{"resource": "http://hl7.org/fhir/StructureDefinition/Task"}],
    }
