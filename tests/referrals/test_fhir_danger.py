"""Danger is heard however a record tells of it, and nothing is understood as its opposite."""

from typing import Any

import pytest

from services.referrals.fhir.codes import RISK_SYSTEM as RISK
from services.referrals.fhir.outcome import Refused
from services.referrals.rules.triage import in_danger
from tests.referrals.makers import SNOMED, extension, patient, request
from tests.referrals.test_fhir_words import ICD10, ours

LOINC = "http://loinc.org"


def said(loinc: str, **value: Any) -> dict[str, Any]:
    """An Observation by LOINC code."""
    return {"resourceType": "Observation", "code": {"coding": [{"code": loinc}]}, **value}


def assessed(outcome: str, risk: str) -> dict[str, Any]:
    """A RiskAssessment."""
    return {
        "resourceType": "RiskAssessment",
        "prediction": [{"outcome": {"text": outcome}, "qualitativeRisk": {"text": risk}}],
    }


def answer_to(link_id: str, **value: Any) -> dict[str, Any]:
    """A QuestionnaireResponse with one answer."""
    return {"resourceType": "QuestionnaireResponse", "item": [{"linkId": link_id, "answer": [value]}]}


YES_OF_HL7 = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0136", "code": "Y"}]}
NOT_THIS = {"coding": [{"system": "http://example.org", "code": "x"}, {"system": LOINC, "code": "LA33-6"}]}
NOT = [{"url": "urn:not"}]
SUICIDE = {"text": "Suicidal ideation"}


@pytest.mark.parametrize(
    "told",
    [
        said("93246-7", valueCodeableConcept=YES_OF_HL7),
        said("93246-7", valueCodeableConcept={"coding": [{"system": SNOMED, "code": "373066001"}]}),
        said("93246-7", valueCodeableConcept={"text": "Yes"}),
        said("93246-7", valueCodeableConcept=NOT_THIS),
        said("93246-7", valueString="sí"),
        said("44260-8", valueQuantity={"value": 2}),
        said("55757-9", component=[{"code": {"coding": [{"code": "44260-8"}]}, "valueInteger": 1}]),
        said("93374-7", valueString="High risk"),
        said("93374-7", valueCodeableConcept={"text": "moderate"}),
        said("x-local", code=SUICIDE, valueBoolean=True),
        said("425104003"),
        said("2345-7", note=[{"text": "Told the nurse that she wants to be dead"}]),
        said("2345-7", valueString="He is suicidal"),
        answer_to("/93246-7", valueString="Yes"),
        answer_to("44260-8", valueDecimal=1.0),
        answer_to("mood", valueString="I want to kill myself"),
        answer_to("mood", valueString="low", item=[{"linkId": "93247-5", "answer": [{"valueBoolean": True}]}]),
        assessed("Suicide", "high"),
        {"resourceType": "RiskAssessment", "code": {"text": "Suicide risk"}, "prediction": [{}]},
        {"resourceType": "Flag", "status": "active", "code": {"text": "Suicide risk"}},
        {"resourceType": "Condition", "code": {"coding": [{"system": ICD10, "code": "R45.851"}]}},
        {"resourceType": "Condition", "code": {"text": "Low mood"}, "note": [{"text": "plans to shoot himself"}]},
    ],
)
def test_hears_danger_however_a_record_tells_of_it(told: dict[str, Any]) -> None:
    order = ours(request(answer="none", contained=[patient(), told]))

    assert in_danger(order)


@pytest.mark.parametrize(
    "told",
    [
        said("93246-7", valueCodeableConcept={"coding": [{"code": "LA32-8", "display": "No"}]}),
        said("93246-7", valueString="No"),
        said("44260-8", valueQuantity={"value": 0}),
        said("93374-7", valueString="Low risk"),
        said("x-local", code=SUICIDE, valueString="denies"),
        said("x-local", code={"text": "Columbia suicide severity rating scale"}),
        said("2345-7", valueString="112 mg/dl"),
        assessed("Suicide", "Low"),
        assessed("Fall", "high"),
        {"resourceType": "Flag", "status": "inactive", "code": {"text": "Suicide risk"}},
        {
            "resourceType": "Condition",
            "clinicalStatus": {"coding": [{"code": "resolved"}]},
            "code": {"coding": [{"system": ICD10, "code": "R45.851"}]},
        },
    ],
)
def test_a_record_that_says_no_or_of_something_else_raises_nothing(told: dict[str, Any]) -> None:
    order = ours(request(answer="none", contained=[patient(), told]))

    assert not in_danger(order) and order.risk == "none"


@pytest.mark.parametrize(
    ("record", "risk"),
    [
        ({"resourceType": "Condition", "clinicalStatus": "active", "code": {"text": "Asthma"}}, "none"),
        ({"resourceType": "Condition", "clinicalStatus": "active", "code": {"text": "Suicidal ideation"}}, "flagged"),
        ({"resourceType": "Flag", "status": ["active"], "code": "Allergy"}, "none"),
        ({"resourceType": "RiskAssessment", "prediction": "none"}, "none"),
    ],
)
def test_a_record_that_is_written_otherwise_is_no_reason_to_refuse(record: dict[str, Any], risk: str) -> None:
    assert ours(request(answer="none", contained=[patient(), record])).risk == risk


def test_an_answer_that_nobody_knows_is_asked() -> None:
    nobody_knows = said("93246-7", valueString="unable to assess")

    assert ours(request(answer="none", contained=[patient(), nobody_knows])).risk == "unknown"


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_what_was_taken_back_or_is_unfinished_never_says_that_there_is_no_danger(status: str) -> None:
    coded = {"coding": [{"system": RISK, "code": "risk"}]}
    none = said("", code=coded, status=status, valueCodeableConcept={"coding": [{"code": "none"}]})
    begun = answer_to("risk", valueCoding={"code": "none"}) | {"status": "in-progress"}

    assert ours(request(answer=None, contained=[patient(), none, begun])).risk is None


def test_a_tag_says_what_was_found() -> None:
    flagged, none = ({"meta": {"tag": [{"system": RISK, "code": each}]}} for each in ("flagged", "none"))

    assert ours(request(answer="none") | flagged).risk == "flagged"
    assert ours(request(answer=None, contained=[patient() | none])).risk == "none"


def test_a_task_tells_of_danger_too() -> None:
    why = {"reasonCode": {"coding": [{"system": ICD10, "code": "T40.2X2A"}]}}
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "focus": {"reference": "#asked"}} | why
    asked = request()
    within = [*asked.pop("contained"), {**asked, "id": "asked"}]

    assert ours(task | {"contained": within}).risk == "flagged"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"doNotPerform": True}, "ServiceRequest.doNotPerform"),
        ({"modifierExtension": NOT}, "ServiceRequest.modifierExtension"),
        ({"contained": [patient(modifierExtension=NOT)]}, "ServiceRequest.contained[0].modifierExtension"),
        ({"extension": [extension("preference-must-gender", valueCode="wman")]}, "ServiceRequest.extension[0]"),
        ({"extension": [extension("need-pathway", valueCode="xyz")]}, "ServiceRequest.extension[0]"),
    ],
)
def test_refuses_what_would_be_understood_wrongly(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Refused) as refused:
        ours(request(**changes))

    assert [each.expression for each in refused.value.issues] == [place]
