"""What an organisation posted, in whichever words, as referrals: the one way in for HTTP and the bus."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError

from services.referrals.fhir.links import Found, Links, model
from services.referrals.fhir.outcome import Refused, invalid, malformed, refuse
from services.referrals.fhir.request import order_of
from services.referrals.fhir.resources import Bundle, Entry
from services.referrals.rules.order import Identifier, ReferralOrder
from services.referrals.rules.written import Written
from shared import strict_json

OURS = "application/vnd.alongside.referral.v1+json"
FHIR_TYPES = ("application/fhir+json", "application/json", "text/json", "application/json+fhir")
RESOURCE_LIMIT, BUNDLE_LIMIT, MOST_REFERRALS = 65_536, 1_048_576, 100
MOST_WORDS = 2 * BUNDLE_LIMIT
"""Letters of notes and reasons in all: what the requests of a Bundle share is read for each of them."""


@dataclass(frozen=True)
class Posted:
    """One referral of a post; `unless` is the identifier of a conditional create, `entry` its place in a Bundle."""

    order: ReferralOrder
    unless: Identifier | None = None
    entry: int = 0


@dataclass(frozen=True)
class Reading:
    """Everything in one post: its referrals, and how many entries a Bundle had (0: it was no Bundle)."""

    posted: list[Posted]
    entries: int = 0


def read(raw: bytes, content_type: str = "", *, unless: str | None = None, only: str | None = None) -> Reading:
    """This will read FHIR JSON or our own; Refused says where it is wrong and what to do.

    `unless` is the query of a conditional create, such as `identifier=urn:oid:1.2|77`; `only` the one FHIR type taken.
    """
    try:
        content = strict_json.parse(raw, limit=BUNDLE_LIMIT)
    except strict_json.Malformed as wrong:
        raise malformed(wrong) from None
    if not isinstance(content, dict):
        raise refuse("structure", "$", "send one JSON object", status=400)
    if content.get("resourceType") != "Bundle" and len(raw) > RESOURCE_LIMIT:
        raise refuse("too-long", "$", f"send at most {RESOURCE_LIMIT:,} bytes a resource", status=413)
    media = content_type.split(";")[0].strip().lower()
    if only and media and media not in FHIR_TYPES:
        raise refuse("not-supported", "header Content-Type", f"send {FHIR_TYPES[0]}", status=415)
    if only and content.get("resourceType") != only:
        raise refuse("not-supported", "resourceType", f"send a {only} here")
    return _by_words(content, media, unless)


def _by_words(content: dict[str, Any], media: str, unless: str | None) -> Reading:
    if media == OURS or (not media and "resourceType" not in content):
        return Reading([Posted(_ours(content))])
    if media and media not in FHIR_TYPES:
        raise refuse("not-supported", "header Content-Type", f"send {FHIR_TYPES[0]} or {OURS}", status=415)
    if content.get("resourceType") == "Bundle":
        return _bundle(content)
    if content.get("resourceType") != "ServiceRequest":
        raise refuse("not-supported", "resourceType", "send a ServiceRequest, or a transaction Bundle that holds one")
    order = order_of(Found("ServiceRequest", "ServiceRequest", content, ()), Links([]))
    return Reading([_posted(order, condition(unless, "If-None-Exist"))])


def _ours(content: dict[str, Any]) -> ReferralOrder:
    try:
        return Written.model_validate(content)
    except ValidationError as wrong:
        raise invalid(wrong.errors(), "ReferralOrder") from None


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


def _posted(order: ReferralOrder, unless: Identifier | None, entry: int = 0) -> Posted:
    if unless and order.identifier is None:
        order = order.model_copy(update={"identifier": unless})
    return Posted(order, unless, entry)


def _bundle(content: dict[str, Any]) -> Reading:
    bundle = model(Bundle, content, "Bundle")
    if bundle.type != "transaction":
        raise refuse("not-supported", "Bundle.type", "send a Bundle of type transaction")
    found = [_entry(index, each) for index, each in enumerate(bundle.entry)]
    if sum(each.kind == "ServiceRequest" for each in found) > MOST_REFERRALS:
        raise refuse("too-long", "Bundle.entry", f"send at most {MOST_REFERRALS} ServiceRequests a Bundle")
    shared = Links(each for each in found if each.kind != "ServiceRequest")
    posted, room = [], MOST_WORDS
    for index, each in enumerate(found):
        if each.kind != "ServiceRequest":
            continue
        order = order_of(each, shared)
        room -= sum(map(len, order.notes))
        if room < 0:
            raise refuse("too-long", each.path, f"send at most {MOST_WORDS:,} letters for people to read at once")
        posted.append(_posted(order, _unless(bundle.entry[index], index), index))
    if not posted:
        raise refuse("required", "Bundle.entry", "put at least one ServiceRequest into the Bundle")
    return Reading(posted, len(found))


def _unless(entry: Entry, index: int) -> Identifier | None:
    return condition(entry.request.if_none_exist, f"Bundle.entry[{index}].request.ifNoneExist")


def _entry(index: int, entry: Entry) -> Found:
    path = f"Bundle.entry[{index}].resource"
    kind, local = entry.resource.get("resourceType"), entry.resource.get("id")
    if not isinstance(kind, str):
        raise refuse("required", f"{path}.resourceType", "say which resource this is")
    if entry.request.method not in ("POST", "PUT") or (kind == "ServiceRequest" and entry.request.method != "POST"):
        raise refuse("not-supported", f"Bundle.entry[{index}].request.method", "use POST: this edge creates referrals")
    names = {f"{kind}/{local}"} if isinstance(local, str) and local else set()
    return Found(kind, path, entry.resource, tuple(sorted(names | ({entry.full_url} if entry.full_url else set()))))


__all__ = ["OURS", "Posted", "Reading", "Refused", "condition", "read", "token"]
