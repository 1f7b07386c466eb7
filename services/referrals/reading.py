"""What an organisation posted, in whichever words, as referrals: the one way in for HTTP, the bus and MLLP."""

from dataclasses import replace
from typing import Any, Literal

from pydantic import ValidationError

from services.referrals.fhir import reading as fhir
from services.referrals.fhir.marks import marked
from services.referrals.fhir.outcome import Refused, invalid, malformed, refuse
from services.referrals.fhir.reading import BUNDLE_LIMIT
from services.referrals.hl7v2 import message, request
from services.referrals.rules.order import Posted, Reading, ReferralOrder
from services.referrals.rules.written import Written
from shared import strict_json
from shared.names import media_type

OURS = media_type("referral")
FHIR_TYPES = ("application/fhir+json", "application/json", "text/json", "application/json+fhir")
HL7_TYPES = ("application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7", "text/hl7v2", "text/plain")
RESOURCE_LIMIT = 65_536
Kind = Literal["ServiceRequest", "Task", "Bundle"]


def read(raw: bytes, content_type: str = "", *, unless: str | None = None, only: Kind | None = None) -> Reading:
    """This will read FHIR JSON, HL7 v2 or our own JSON; Refused says where it is wrong and what to do.

    `unless` is the query of a conditional create, such as `identifier=urn:oid:1.2|77`; `only` the one FHIR type taken.
    """
    media = content_type.split(";")[0].strip().lower()
    if not only and (media in HL7_TYPES or (not media and message.begins(raw))):
        found = message.read(raw)
        return Reading([Posted(request.order(found))], marked=request.marked(found))
    content = _json(raw)
    if only and media and media not in FHIR_TYPES:
        raise refuse("not-supported", "header Content-Type", f"send {FHIR_TYPES[0]}", status=415)
    if only and content.get("resourceType") != only:
        raise refuse("not-supported", "resourceType", f"send a {only} here")
    if media == OURS or (not media and "resourceType" not in content):
        return Reading([Posted(_ours(content))])
    if media and media not in FHIR_TYPES:
        known = ", ".join((FHIR_TYPES[0], HL7_TYPES[0], OURS))
        raise refuse("not-supported", "header Content-Type", f"send one of {known}", status=415)
    return replace(fhir.referrals(content, unless), marked=marked(content))


def _json(raw: bytes) -> dict[str, Any]:
    try:
        content = strict_json.parse(raw, limit=BUNDLE_LIMIT)
    except strict_json.Malformed as wrong:
        raise malformed(wrong) from None
    if not isinstance(content, dict):
        raise refuse("structure", "$", "send one JSON object", status=400)
    if content.get("resourceType") != "Bundle" and len(raw) > RESOURCE_LIMIT:
        raise refuse("too-long", "$", f"send at most {RESOURCE_LIMIT:,} bytes a resource", status=413)
    return content


def _ours(content: dict[str, Any]) -> ReferralOrder:
    try:
        return Written.model_validate(content)
    except ValidationError as wrong:
        raise invalid(wrong.errors(), "ReferralOrder") from None


__all__ = [
    "BUNDLE_LIMIT",
    "OURS",
    "RESOURCE_LIMIT",
    "Kind",
    "Posted",
    "Reading",
    "Refused",
    "read",
]
