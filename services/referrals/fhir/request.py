"""A FHIR ServiceRequest, with what came along, as one referral in our own words."""

from datetime import date
from typing import Any

from pydantic import ValidationError

from services.referrals.fhir import codes, cover, risk, wishes
from services.referrals.fhir.links import Found, Links, contained_in, model
from services.referrals.fhir.outcome import invalid, refuse
from services.referrals.fhir.patient import identifiers, languages, person
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
from shared.events.fact import Urgency
from shared.events.referrals import Needs, Preferences

URGENCIES: dict[Priority, Urgency] = {"routine": "routine", "urgent": "priority", "asap": "priority", "stat": "urgent"}
STATUSES: dict[RequestStatus, str] = {"revoked": "withdrawn", "entered-in-error": "entered_in_error"}
TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
BRING_PATIENT = "contain the Patient and refer to it as #id, or post a transaction Bundle that holds it"


def order_of(raw: dict[str, Any], path: str, others: list[Found]) -> ours.ReferralOrder:
    """This will read one ServiceRequest; Refused with the path of the first element that is wrong."""
    request = model(ServiceRequest, raw, path)
    links = Links([*others, *contained_in(request.contained, path)])
    found = _subject(request, links, path)
    patient = found.read(Patient) if found else Patient(identifier=_logical(request, path))
    reasons = _reasons(request, links)
    said = wishes.wishes(request.extension, path) | (wishes.wishes(patient.extension, found.path) if found else {})
    try:
        return ours.ReferralOrder(
            identifier=placer(request.identifier),
            status=STATUSES.get(request.status, "active"),
            service=_service(request, reasons),
            urgency=URGENCIES[request.priority],
            authored_at=instant_of(request.authored_on),
            discharged_on=_discharged(request, links, found),
            site=_extension(request.extension, "site"),
            risk=_risk(request, patient, links, found, path, reasons),
            part2=_is_labelled(request, patient, reasons),
            person=person(patient, _extension(patient.extension, "timezone", TIMEZONE)),
            needs=_needs(reasons, said),
            preferences=_preferences(patient, said),
            cover=_cover(request, links, found),
            notes=_notes(request, reasons),
            **_consents(links, found, said),
        )
    except ValidationError as wrong:
        raise invalid(wrong.errors(), path) from None


def _subject(request: ServiceRequest, links: Links, path: str) -> Found | None:
    found = links.resolve(request.subject, "Patient")
    everybody = links.all("Patient")
    if found or (not request.subject.reference and len(everybody) == 1):
        return found or everybody[0]
    if request.subject.identifier and request.subject.identifier.value:
        return None
    raise refuse("required", f"{path}.subject", BRING_PATIENT)


def _logical(request: ServiceRequest, path: str) -> list[Identifier]:
    if request.subject.identifier is None:
        raise refuse("required", f"{path}.subject", BRING_PATIENT)
    return [request.subject.identifier]


def placer(written: list[Identifier]) -> ours.Identifier | None:
    """This will choose the placer's identifier: the one typed PLAC, else the first that has a value."""
    typed = [each for each in written if each.type and "PLAC" in each.type.codes()]
    return next(iter(identifiers([*typed, *written])), None)


def _reasons(request: ServiceRequest, links: Links) -> list[Condition]:
    linked = [links.resolve(each, "Condition") for each in request.reason_reference]
    shown = [each.display for each in request.reason_reference if each.display]
    return [
        *(Condition(code=each) for each in request.reason_code),
        *(each.read(Condition) for each in linked if each),
        *(Condition(code=Concept(text=each)) for each in shown),
    ]


def _notes(request: ServiceRequest, reasons: list[Condition]) -> list[str]:
    written = [each.text for each in request.note] + [request.patient_instruction]
    return [each for each in written if each] + [words for each in reasons for words in each.code.words()]


def _risk(
    request: ServiceRequest, patient: Patient, links: Links, found: Found | None, path: str, reasons: list[Condition]
) -> ours.Risk | None:
    answers = [risk.of_extensions(request.extension, path)]
    answers += [risk.of_extensions(patient.extension, found.path)] if found else []
    answers += [risk.of_observation(each) for each in links.about("Observation", "subject", found)]
    answers += [risk.of_questionnaire(each) for each in links.about("QuestionnaireResponse", "subject", found)]
    answers += ["flagged" if any(codes.is_danger(each.code) for each in reasons) else None]
    return risk.worst(answers)


def _is_labelled(request: ServiceRequest, patient: Patient, reasons: list[Condition]) -> bool:
    resources: list[Resource] = [request, patient, *reasons]
    return any(each.code in codes.PART2_LABELS for resource in resources for each in resource.meta.security)


def _service(request: ServiceRequest, reasons: list[Condition]) -> str:
    ours_it_is = codes.is_peer_support(request.code, request.category, _challenges(reasons))
    return "peer_support" if ours_it_is else "other"


def _challenges(reasons: list[Condition]) -> list[str]:
    challenges = [codes.challenge_of(each.code) for each in reasons]
    return [each for each in dict.fromkeys(challenges) if each]


def _discharged(request: ServiceRequest, links: Links, patient: Found | None) -> date | None:
    for each in request.extension:
        if each.url == codes.EXTENSION + "discharge-date":
            return day_of(each.value_date)
    named = links.resolve(request.encounter, "Encounter")
    stays = [named] if named else links.about("Encounter", "subject", patient)
    ends = [day_of(each.read(Encounter).period.end) for each in stays]
    return max((each for each in ends if each), default=None)


def _needs(reasons: list[Condition], said: dict[str, Any]) -> Needs:
    known = _challenges(reasons)
    clear = [each for each in known if each != "other"] or known
    return Needs(challenges=clear, **{name: each for name, each in said.items() if name in wishes.NEEDS})


def _preferences(patient: Patient, said: dict[str, Any]) -> Preferences:
    spoken = languages(patient)
    given = {name: each for name, each in said.items() if name in Preferences.model_fields}
    return Preferences(**({"languages": spoken} if spoken else {}), **given)


def _cover(request: ServiceRequest, links: Links, patient: Found | None) -> ours.Cover | None:
    named = [each for reference in request.insurance if (each := links.resolve(reference, "Coverage"))]
    covers = [cover.cover(each.read(Coverage)) for each in named or links.about("Coverage", "beneficiary", patient)]
    return next((each for each in covers if each), None)


def _consents(links: Links, patient: Found | None, said: dict[str, Any]) -> dict[str, Any]:
    came: list[Consent] = [each.read(Consent) for each in links.about("Consent", "patient", patient)]
    agreed = [each for consent in came if (each := cover.agreed(consent))]
    told = said.get("peer_support_consent")
    return {"consents": agreed, "peer_support_consent": False if any(map(cover.refuses_peer_support, came)) else told}


def _extension(extensions: list[Extension], name: str, url: str = "") -> str | None:
    wanted = (codes.EXTENSION + name, url or codes.EXTENSION + name)
    return next((each.word() for each in extensions if each.url in wanted), None)
