"""A FHIR ServiceRequest, with what came along, as one referral in our own words."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from services.referrals.fhir import codes, cover, risk, wishes
from services.referrals.fhir.links import Found, Links, contained_in
from services.referrals.fhir.outcome import invalid, refuse
from services.referrals.fhir.patient import identifiers, person
from services.referrals.fhir.resources import Condition, Consent, Coverage, Encounter, Patient, ServiceRequest
from services.referrals.fhir.words import (
    Concept,
    Extension,
    Identifier,
    Priority,
    RequestStatus,
    Resource,
    day_of,
    instant_of,
)
from services.referrals.rules import order as ours
from services.referrals.rules.order import Service
from services.referrals.rules.protection import substances
from services.referrals.rules.seeing import REASONS
from shared.events.fact import Urgency
from shared.events.referrals import Needs, Preferences

URGENCIES: dict[Priority, Urgency] = {"routine": "routine", "urgent": "priority", "asap": "priority", "stat": "urgent"}
STATUSES: dict[RequestStatus, str] = {
    "revoked": "withdrawn", "entered-in-error": "entered_in_error", "completed": "completed",
}  # fmt: skip
TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
BRING_PATIENT = "contain the Patient and refer to it as #id, or post a transaction Bundle that holds it"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """What a reason for the referral says: our words for it, whether it is danger or labelled, and what people read."""

    challenges: tuple[str, ...]
    danger: bool
    labelled: bool = False
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Whom:
    """What a Patient says about themselves and their wishes."""

    person: ours.Person
    labelled: bool = False
    said: dict[str, Any]
    risk: ours.Risk | None = None


def order_of(asked: Found, beyond: Links) -> ours.ReferralOrder:
    """This will read one ServiceRequest; Refused with the path of the first element that is wrong.

    What came along `beyond` it, in its Bundle, is read once for all requests.
    """
    path, request = asked.path, asked.read(ServiceRequest)
    if request.status == "draft":
        raise refuse("business-rule", f"{path}.status", "a draft asks for nothing yet: send it again once it is active")
    _refuse_the_opposite(request, path)
    links = Links([asked, *contained_in(request.contained, path)], beyond)
    reasons = _reasons(request, links)
    service = _service(request, reasons)
    found = _subject(request, links, path, service)
    said = wishes.wishes(request.extension, path)
    try:
        whom = found.once(_whom) if found else Whom(person=person(_logical(request, path), None), said={})
        said |= whom.said
        return ours.ReferralOrder(
            identifier=placer(request.identifier),
            status=STATUSES.get(request.status, "active"),
            service=service,
            urgency=URGENCIES[request.priority],
            authored_at=instant_of(request.authored_on),
            discharged_on=_discharged(request, links, found),
            site=_extension(request.extension, "site"),
            risk=_risk(request, whom, links, found, path, reasons),
            part2=_is_protected(request) or whom.labelled or any(each.labelled for each in reasons),
            person=whom.person,
            needs=_needs(reasons, said),
            preferences=_preferences(whom.person, said),
            cover=_cover(request, links, found),
            notes=_notes(request, reasons, links, found),
            **_consents(links, found, said, path),
        )
    except ValidationError as wrong:
        raise invalid(wrong.errors(), path) from None


def _refuse_the_opposite(request: ServiceRequest, path: str) -> None:
    """This will refuse a request that says of itself that it means something else than it says."""
    if request.do_not_perform:
        take_back = "what is not to be done is no referral: send one that is to be taken back again as revoked"
        raise refuse("business-rule", f"{path}.doNotPerform", take_back)
    _refuse_modified(request, path)


def _refuse_modified(resource: Resource, path: str) -> None:
    if resource.modifier_extension:
        remedy = "leave it out: we know no extension that may change what the rest means"
        raise refuse("not-supported", f"{path}.modifierExtension", remedy)


def _whom(found: Found) -> Whom:
    patient = found.read(Patient)
    _refuse_modified(patient, found.path)
    return Whom(
        person=person(patient, _extension(patient.extension, "timezone", TIMEZONE)),
        labelled=_is_labelled(patient),
        said=wishes.wishes(patient.extension, found.path),
        risk=risk.worst([risk.of_extensions(patient.extension, found.path), risk.of_tags(patient, found.path)]),
    )


def _subject(request: ServiceRequest, links: Links, path: str, service: Service) -> Found | None:
    found = links.resolve(request.subject, "Patient")
    everybody = links.patients()
    if found or (not request.subject.reference and len(everybody) == 1):
        return found or everybody[0]
    if request.subject.identifier and request.subject.identifier.value:
        return None
    if service == "other":
        # To bring the person along would be in vain.
        raise refuse("business-rule", f"{path}.code", REASONS["not_peer_support"])
    raise refuse("required", f"{path}.subject", BRING_PATIENT)


def _logical(request: ServiceRequest, path: str) -> Patient:
    if request.subject.identifier is None:
        raise refuse("required", f"{path}.subject", BRING_PATIENT)
    return Patient(identifier=[request.subject.identifier])


def placer(written: list[Identifier]) -> ours.Identifier | None:
    """This will choose the placer's identifier: the one typed PLAC, else the first that has a value."""
    typed = [each for each in written if each.type and "PLAC" in each.type.codes()]
    return next(iter(identifiers([*typed, *written])), None)


def _reasons(request: ServiceRequest, links: Links) -> list[Reason]:
    linked = dict.fromkeys(links.resolve(each, "Condition") for each in request.reason_reference)
    shown = [each.display for each in request.reason_reference if each.display]
    return [
        *(_reason(each) for each in request.reason_code),
        *(each.once(_condition) for each in linked if each),
        *(_reason(Concept(text=each)) for each in shown),
    ]


def _condition(found: Found) -> Reason:
    condition = found.read(Condition)
    return _reason(condition.code, labelled=_is_labelled(condition))


def _reason(code: Concept, *, labelled: bool = False) -> Reason:
    return Reason(
        challenges=codes.challenges_of(code), danger=codes.is_danger(code), labelled=labelled, words=tuple(code.words())
    )


def _notes(request: ServiceRequest, reasons: list[Reason], links: Links, found: Found | None) -> list[str]:
    written = [each.text for each in request.note] + [request.patient_instruction]
    written += [words for each in request.order_detail for words in each.words()]
    written += [words for each in reasons for words in each.words]
    alarming = [links.told(kind, "subject", found, risk.alarming) for kind in risk.RECORDS]
    read = [words for some in alarming for each in some for words in each if words not in written]
    return [each for each in [*written, *read] if each]


def _risk(
    request: ServiceRequest, whom: Whom, links: Links, found: Found | None, path: str, reasons: list[Reason]
) -> ours.Risk | None:
    answers = [risk.of_extensions(request.extension, path), risk.of_tags(request, path), whom.risk]
    for kind, reader in risk.RECORDS.items():
        answers += links.told(kind, "subject", found, reader)
    answers += ["flagged" if any(each.danger for each in reasons) else None]
    return risk.worst(answers)


def _is_labelled(resource: Resource) -> bool:
    return any(each.code in codes.PART2_LABELS for each in resource.meta.security)


def _is_protected(request: ServiceRequest) -> bool:
    """This will say whether a request is labelled, or what it asks for, whose words we do not keep, tells of use."""
    return _is_labelled(request) or bool(
        substances(each for one in (request.code, *request.category) if one for each in one.words())
    )


def _service(request: ServiceRequest, reasons: list[Reason]) -> Service:
    ours_it_is = codes.is_peer_support(request.code, request.category, _challenges(reasons))
    return "peer_support" if ours_it_is else "other"


def _challenges(reasons: list[Reason]) -> list[str]:
    return list(dict.fromkeys(ours for each in reasons for ours in each.challenges))


def _discharged(request: ServiceRequest, links: Links, patient: Found | None) -> date | None:
    for each in request.extension:
        if each.url == codes.EXTENSION + "discharge-date":
            return day_of(each.value_date)
    named = links.resolve(request.encounter, "Encounter")
    ends = [_end(named)] if named else links.told("Encounter", "subject", patient, _end)
    return max((each for each in ends if each), default=None)


def _end(stay: Found) -> date | None:
    return day_of(stay.read(Encounter).period.end)


def _needs(reasons: list[Reason], said: dict[str, Any]) -> Needs:
    known = _challenges(reasons)
    clear = [each for each in known if each != "other"] or known
    return Needs(challenges=clear, **{name: each for name, each in said.items() if name in wishes.NEEDS})


def _preferences(whom: ours.Person, said: dict[str, Any]) -> Preferences:
    given = {name: each for name, each in said.items() if name in Preferences.model_fields}
    return Preferences(**({"languages": whom.languages} if whom.languages else {}), **given)


def _cover(request: ServiceRequest, links: Links, patient: Found | None) -> ours.Cover | None:
    named = [each for reference in request.insurance if (each := links.resolve(reference, "Coverage"))]
    covers = [each.once(_covered) for each in named] or links.told("Coverage", "beneficiary", patient, _covered)
    return next((each for each in covers if each), None)


def _covered(found: Found) -> ours.Cover | None:
    return cover.cover(found.read(Coverage))


def _consents(links: Links, patient: Found | None, said: dict[str, Any], path: str) -> dict[str, Any]:
    agreed = [each for each in links.told("Consent", "patient", patient, _agreed) if each]
    if len(agreed) > ours.CONSENTS:
        raise refuse("too-long", path, f"let at most {ours.CONSENTS} Consents that are in force come along")
    refused = any(links.told("Consent", "patient", patient, _refuses))
    if denied := any(links.told("Consent", "patient", patient, _denies)):
        agreed = []
    consented = False if refused else said.get("peer_support_consent")
    return {"consents": agreed, "disclosure_denied": denied, "peer_support_consent": consented}


def _agreed(found: Found) -> ours.Agreed | None:
    return cover.agreed(found.read(Consent))


def _denies(found: Found) -> bool:
    return cover.refuses_disclosure(found.read(Consent))


def _refuses(found: Found) -> bool:
    return cover.refuses_peer_support(found.read(Consent))


def _extension(extensions: list[Extension], name: str, url: str = "") -> str | None:
    wanted = (codes.EXTENSION + name, url or codes.EXTENSION + name)
    return next((each.word() for each in extensions if each.url in wanted), None)
