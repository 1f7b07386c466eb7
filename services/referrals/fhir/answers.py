"""What we say in FHIR: the Task a referrer follows, the request as we keep it, answers to posts and searches."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.referrals.fhir.codes import EXTENSION, PEER_SUPPORT, REASON, SENDER, TASK_STATUS
from services.referrals.fhir.outcome import Issue, Unheard, labelled
from services.referrals.rules.order import Identifier, Reading, ReferralOrder
from services.referrals.rules.seeing import Milestones, Seen
from services.referrals.rules.triage import PHONE_WITHIN
from shared.clock import in_z
from shared.disclosure import PART2_NOTICE
from shared.programme import Organisation, Site

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PART2_LABEL = {"system": ACT_CODE, "code": "42CFRPart2", "display": "42 CFR Part2"}
NOBODY = "This came from an organisation for tests: nobody was paged, and nobody will phone."
"""What is added to the words about danger where they were only tried."""

PRIORITIES = {"routine": "routine", "priority": "urgent", "urgent": "stat"}
STATUSES = {
    "active": "active", "withdrawn": "revoked", "entered_in_error": "entered-in-error", "completed": "completed",
}  # fmt: skip


def task(
    referral_id: UUID,
    order: ReferralOrder,
    seen: Seen,
    *,
    organisation: str,
    site: Site,
    arrived_at: datetime,
    told_at: datetime,
    scope: str,
    crisis_at: datetime | None = None,
    test: bool = False,
    clock: tuple[str, datetime] | None = None,
) -> dict[str, Any]:
    """This will give the FHIR Task of a referral, as its referrer may see it; `clock` names who must act, by when."""
    in_danger = crisis_at if seen.business == "crisis_review" else None
    reason = emergency(order, site, in_danger, test=test) if in_danger else seen.reason
    body: dict[str, Any] = {
        "resourceType": "Task",
        "id": str(referral_id),
        "meta": _meta(told_at, test=test),
        **some("identifier", identifiers(order.identifier)),
        "basedOn": [{"reference": f"ServiceRequest/{referral_id}"}],
        "status": seen.status,
        "businessStatus": {"coding": [{"system": TASK_STATUS, "code": seen.business}], "text": seen.text},
        "intent": "order",
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        "focus": {"reference": f"ServiceRequest/{referral_id}"},
        "authoredOn": instant(arrived_at),
        "lastModified": instant(told_at),
        "requester": {"identifier": {"value": organisation}},
        **_owner(site, clock if seen.clock else None),
        **_reason(reason, seen.code),
    }
    noticed = _noticed(body["meta"], scope) if seen.notice else {}
    return body | noticed | _outputs(seen.milestones)


def _noticed(meta: dict[str, Any], scope: str) -> dict[str, Any]:
    labelled = {**meta, "security": [*meta.get("security", []), PART2_LABEL]}
    return {"meta": labelled, "note": [{"text": f"{PART2_NOTICE} Consent scope: {scope}."}]}


def _owner(site: Site, clock: tuple[str, datetime] | None) -> dict[str, Any]:
    owner = {"identifier": {"value": site.site_id}, "display": site.public_name}
    if clock is None:
        return {"owner": owner}
    named = {**owner, "display": f"{site.public_name}: {clock[0]}"}
    return {"owner": named, "restriction": {"period": {"end": instant(clock[1])}}}


def _reason(text: str | None, code: str | None) -> dict[str, Any]:
    coding = {"coding": [{"system": REASON, "code": code}]} if code else {}
    return {"statusReason": {**coding, "text": text}} if text else {}


def _outputs(milestones: Milestones) -> dict[str, Any]:
    said: list[dict[str, Any]] = []
    if milestones.bridge:
        said.append({"type": {"text": "Something to begin with was offered"}, "valueBoolean": True})
    if milestones.first_visit:
        said.append({"type": {"text": "First visit"}, "valueDateTime": instant(milestones.first_visit)})
    if milestones.first_kept:
        said.append({"type": {"text": "First visit kept"}, "valueDateTime": instant(milestones.first_kept)})
    if milestones.kept is not None:
        said.append({"type": {"text": "Visits kept"}, "valueInteger": milestones.kept})
    return {"output": said} if said else {}


def emergency(order: ReferralOrder, site: Site, crisis_at: datetime, *, test: bool = False) -> str:
    """This will give what a referrer reads when a person must look at the risk: no emergency service, and who calls.

    The time has its date, for it is read for as long as nobody has cleared the risk.
    """
    by = (crisis_at + PHONE_WITHIN).astimezone(ZoneInfo(site.zone)).strftime("%H:%M on %A, %B %-d")
    told = f"Received for review by a person. This is not an emergency service. A person will phone you by {by}."
    return f"{told} {words_for(order, site)}{' ' + NOBODY if test else ''}"


def unheard(order: ReferralOrder, site: Site) -> Unheard:
    """This will tell who posted a sign of danger that it is kept, and that nobody can be paged about it now."""
    told = "the referral is kept, but nobody here can be paged about the danger in it: do not wait for us."
    again = "Send the same again until you are answered otherwise: it is kept once."
    return Unheard(503, [Issue("transient", "", f"{told} {words_for(order, site)} {again}")])


def words_for(order: ReferralOrder, site: Site) -> str:
    """This will give a site's emergency words, in English and in the person's language."""
    language = next((each for each in order.person.languages if each in site.emergency_words), "en")
    words = dict.fromkeys(site.emergency_words[each] for each in ("en", language) if each in site.emergency_words)
    return " ".join(words)


def dated(body: dict[str, Any], at: datetime) -> dict[str, Any]:
    """This will give a Task as of a moment."""
    return body | {"lastModified": instant(at), "meta": body["meta"] | {"lastUpdated": instant(at)}}


def undated(body: dict[str, Any]) -> dict[str, Any]:
    """This will give what a Task says, whenever it was said."""
    return {name: each for name, each in body.items() if name not in ("lastModified", "meta")}


def service_request(
    referral_id: UUID,
    order: ReferralOrder,
    *,
    organisation: str,
    site: Site,
    told_at: datetime,
    crisis_at: datetime | None,
    test: bool = False,
) -> dict[str, Any]:
    """This will echo a request: that it arrived and where to follow it; of the person their own number for them."""
    body: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "id": str(referral_id),
        "meta": _meta(told_at, test=test),
        "extension": [{"url": EXTENSION + "task", "valueReference": {"reference": f"Task/{referral_id}"}}],
        **some("identifier", identifiers(order.identifier)),
        "status": STATUSES[order.status],
        "intent": "order",
        "priority": PRIORITIES[order.urgency],
        "code": {"coding": [PEER_SUPPORT]} if order.service == "peer_support" else {"text": "Other service"},
        "subject": {"identifier": identifiers(next(iter(order.person.identifiers), None))[0]}
        if order.person.identifiers
        else {"display": "as referred"},
        "requester": {"identifier": {"value": organisation}},
    }
    if crisis_at:
        body["note"] = [{"text": emergency(order, site, crisis_at, test=test)}]
    return body


def _meta(told_at: datetime, *, test: bool) -> dict[str, Any]:
    return {"lastUpdated": instant(told_at), **labelled(test=test)}


def identifiers(identifier: Identifier | None) -> list[dict[str, str]]:
    """This will write an identifier as FHIR has it."""
    if identifier is None:
        return []
    return [{**({"system": identifier.system} if identifier.system else {}), "value": identifier.value}]


def business(body: dict[str, Any]) -> str | None:
    """This will give the business status of a Task; None of anything else."""
    return body["businessStatus"]["coding"][0]["code"] if "businessStatus" in body else None


def owner(body: dict[str, Any]) -> str | None:
    """This will give by which number its owner is known; None where it has none."""
    return body["owner"]["identifier"]["value"] if "owner" in body else None


def searchset(
    found: list[dict[str, Any]],
    included: list[dict[str, Any]],
    links: Mapping[str, str],
    *,
    base: str,
    all_of_it: bool,
    whose: Organisation,
) -> dict[str, Any]:
    """This will give the answer to a search at an address; its total where this page holds `all_of_it`.

    It is tagged with the organisation whose key was used, and labelled where that one is for tests.
    """
    entries = [(each, "match") for each in found] + [(each, "include") for each in included]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "meta": {"tag": [{"system": SENDER, "code": whose.organisation_id}], **labelled(test=whose.test)},
        **({"total": len(found)} if all_of_it else {}),
        **some("link", [{"relation": relation, "url": url} for relation, url in links.items()]),
        **some(
            "entry",
            [
                {"fullUrl": f"{base}/{each['resourceType']}/{each['id']}", "resource": each, "search": {"mode": mode}}
                for each, mode in entries
            ],
        ),
    }


def some(name: str, members: list[Any]) -> dict[str, list[Any]]:
    """This will write a list, and leave it out where it is empty: FHIR knows no empty one."""
    return {name: members} if members else {}


def transaction_response(
    reading: Reading, received: Mapping[int, tuple[UUID, bool]], *, test: bool = False
) -> dict[str, Any]:
    """This will answer a transaction: every entry in its place, requests and their Tasks with their addresses."""
    said: list[dict[str, Any]] = [{"response": {"status": "200 OK"}} for _ in range(reading.entries)]
    for index, (referral_id, new) in received.items():
        status = "201 Created" if new else "200 OK"
        said[index] = {"response": {"status": status, "location": f"ServiceRequest/{referral_id}"}}
        for place in reading.tasks.get(index, []):
            said[place] = {"response": {"status": status, "location": f"Task/{referral_id}"}}
    kind = "batch-response" if reading.bundle == "batch" else "transaction-response"
    return {"resourceType": "Bundle", "type": kind, **_as_test(test=test), "entry": said}


def message_response(
    message_id: str, tasks: list[dict[str, Any]], answer_id: UUID, *, test: bool = False
) -> dict[str, Any]:
    """This will answer a message: to which one, that all is well, and the Tasks to follow."""
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": "I12"},
        "source": {"endpoint": "urn:alongside:referrals"},
        "response": {"identifier": message_id, "code": "ok"},
        "focus": [{"reference": f"Task/{each['id']}"} for each in tasks],
    }
    entries = [{"fullUrl": f"urn:uuid:{answer_id}", "resource": {"id": str(answer_id), **header}}]
    entries += [{"fullUrl": f"Task/{each['id']}", "resource": each} for each in tasks]
    return {"resourceType": "Bundle", "type": "message", **_as_test(test=test), "entry": entries}


def _as_test(*, test: bool) -> dict[str, Any]:
    return {"meta": labelled(test=True)} if test else {}


def instant(moment: datetime) -> str:
    """This will write an instant as FHIR does."""
    return in_z(moment, timespec="milliseconds")
