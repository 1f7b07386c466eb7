"""FHIR that an organisation posted, as referrals: one ServiceRequest, a Task that asks for it, or a Bundle of them."""

from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError

from services.referrals.fhir import tasks
from services.referrals.fhir.links import Found, Links, contained_in, model
from services.referrals.fhir.outcome import refuse
from services.referrals.fhir.patient import identifiers
from services.referrals.fhir.request import order_of
from services.referrals.fhir.resources import Bundle, Entry, ServiceRequest
from services.referrals.rules.order import Identifier, Posted, Reading, ReferralOrder

BUNDLE_LIMIT, MOST_REFERRALS = 1_048_576, 100
TAKEN = ("transaction", "batch", "message")
MOST_WORDS = 2 * BUNDLE_LIMIT
"""Letters of notes and reasons in all: what the requests of a Bundle share is read for each of them."""


def referrals(content: dict[str, Any], unless: str | None = None) -> Reading:
    """This will read a ServiceRequest, a Task that contains one, or a Bundle that holds some.

    Refused names the element's path. `unless` is the query of a conditional create: `identifier=urn:oid:1.2|77`.
    """
    kind = content.get("resourceType")
    if kind == "Bundle":
        return _bundle(content)
    if kind == "Task":
        return _task(content, unless)
    if kind != "ServiceRequest":
        raise refuse("not-supported", "resourceType", "send a ServiceRequest, or a Bundle that holds one")
    asked = Found("ServiceRequest", "ServiceRequest", content, ())
    return Reading([_posted(order_of(asked, Links([])), condition(unless, "If-None-Exist"), asked)])


def _task(content: dict[str, Any], unless: str | None) -> Reading:
    """This will read the request that a Task contains: the one it is about, or the only one where it names none."""
    asking = tasks.task(content, "Task")
    contained = contained_in(asking.contained, "Task")
    links = Links(each for each in contained if each.kind != "ServiceRequest")
    requests = [each for each in contained if each.kind == "ServiceRequest"]
    names = tasks.about(asking)
    named = [each for each in requests if names & set(each.names)] or ([] if names else requests)
    if len(named) != 1:
        raise refuse("required", "Task.focus", "contain the ServiceRequest and refer to it as #id, or post a Bundle")
    order = tasks.asked_by(order_of(named[0], links), [asking])
    return Reading([_posted(order, condition(unless, "If-None-Exist"), named[0])])


def condition(query: str | None, at: str) -> Identifier | None:
    """This will read the search of a conditional create; only by identifier."""
    if not query:
        return None
    found = [each for each in parse_qsl(query.lstrip("?"), keep_blank_values=True) if not each[0].startswith("_")]
    if not found:
        return None
    if len(found) != 1 or found[0][0] != "identifier":
        raise refuse("not-supported", at, "search by one identifier only: identifier=system|value")
    return token(found[0][1], at)


def token(written: str, at: str) -> Identifier:
    """This will read a FHIR search token `system|value`."""
    system, mark, value = written.rpartition("|")
    try:
        return Identifier(system=system if mark else "", value=value)
    except ValidationError:
        raise refuse("value", at, "write the identifier as system|value") from None


def _posted(order: ReferralOrder, unless: Identifier | None, asked: Found, entry: int = 0) -> Posted:
    """This will let a referral be known by that number of it by which its sender asks whether it is known."""
    if unless:
        numbers = identifiers(asked.read(ServiceRequest).identifier)
        named = [each for each in numbers if each.value == unless.value and unless.system in ("", each.system)]
        if known_by := next(iter(named), None if order.identifier else unless):
            order = order.model_copy(update={"identifier": known_by})
    return Posted(order, unless, entry)


def _bundle(content: dict[str, Any]) -> Reading:
    bundle = model(Bundle, content, "Bundle")
    if bundle.type not in TAKEN:
        raise refuse("not-supported", "Bundle.type", f"send a Bundle of type {', '.join(TAKEN)}")
    found = [_entry(index, each, bundle.type) for index, each in enumerate(bundle.entry)]
    if sum(each.kind == "ServiceRequest" for each in found) > MOST_REFERRALS:
        raise refuse("too-long", "Bundle.entry", f"send at most {MOST_REFERRALS} ServiceRequests a Bundle")
    shared = Links(each for each in found if each.kind != "ServiceRequest")
    by_request, asking = tasks.by_request(found), {}
    posted, room = [], MOST_WORDS
    for index, each in enumerate(found):
        if each.kind != "ServiceRequest":
            continue
        mine = {place: task for name in each.names for place, task in by_request.get(name, {}).items()}
        order = tasks.asked_by(order_of(each, shared), mine.values())
        room -= sum(map(len, order.notes))
        if room < 0:
            raise refuse("too-long", each.path, f"send at most {MOST_WORDS:,} letters for people to read at once")
        posted.append(_posted(order, _unless(bundle.entry[index], index), each, index))
        asking[index] = sorted(mine)
    if not posted:
        raise refuse("required", "Bundle.entry", "put at least one ServiceRequest into the Bundle")
    return Reading(posted, len(found), bundle.type, asking, _message_id(bundle))


def _message_id(bundle: Bundle) -> str:
    """This will give the id of a message: its header's, else its Bundle's."""
    header = bundle.entry[0].resource if bundle.type == "message" and bundle.entry else {}
    return str(header.get("id") or bundle.id or "")[:200]


def _unless(entry: Entry, index: int) -> Identifier | None:
    unless = entry.request.if_none_exist if entry.request else None
    return condition(unless, f"Bundle.entry[{index}].request.ifNoneExist")


def _entry(index: int, entry: Entry, bundle: str) -> Found:
    path = f"Bundle.entry[{index}].resource"
    kind, local = entry.resource.get("resourceType"), entry.resource.get("id")
    if not isinstance(kind, str):
        raise refuse("required", f"{path}.resourceType", "say which resource this is")
    if bundle in ("transaction", "batch"):
        _refuse_another_method(index, entry)
    names = {f"{kind}/{local}"} if isinstance(local, str) and local else set()
    return Found(kind, path, entry.resource, tuple(sorted(names | ({entry.full_url} if entry.full_url else set()))))


def _refuse_another_method(index: int, entry: Entry) -> None:
    at = f"Bundle.entry[{index}].request"
    if entry.request is None:
        raise refuse("required", at, "say what to do: POST, and the type as url")
    if entry.request.method not in ("POST", "PUT"):
        raise refuse("not-supported", f"{at}.method", "use POST: this edge creates referrals")
