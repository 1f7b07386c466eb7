"""Partners' FHIR words become ours, however untidy."""

import json
from typing import Any

import pytest

from services.referrals.fhir.outcome import Refused
from services.referrals.reading import read
from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.protection import protected
from tests.referrals.makers import (
    SNOMED,
    bundle,
    consent,
    coverage,
    extension,
    needs_samples,
    patient,
    request,
    risk,
    sample,
)

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"


def ours(body: dict[str, Any]) -> ReferralOrder:
    """What a posted request means."""
    return read(json.dumps(body).encode(), "application/fhir+json").posted[0].order


def answered(item: dict[str, Any]) -> dict[str, Any]:
    """A questionnaire with one item."""
    return {"resourceType": "QuestionnaireResponse", "item": [item]}


def reason(system: str, code: str, text: str = "") -> dict[str, Any]:
    """A coded reason."""
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


@pytest.mark.parametrize(
    ("given", "challenge"),
    [
        (reason(SNOMED, "310496002"), "depression"),
        (reason(ICD10, "F32.A"), "depression"),
        (reason(ICD10, "F41.1"), "anxiety"),
        (reason(ICD10, "F43.12"), "ptsd"),
        (reason(ICD10, "F43.81"), "grief"),
        (reason(ICD10, "F31.9"), "bipolar"),
        (reason(ICD10, "F20.0"), "psychosis"),
        (reason(ICD10, "F10.20"), "alcohol"),
        (reason(ICD10, "F11.20"), "substance_use"),
        (reason(ICD10, "Z60.2"), "loneliness"),
        (reason(SNOMED, "723914003"), "grief"),
        (reason("urn:unknown", "42"), "other"),
        ({"text": "Feels lonely since the move"}, "loneliness"),
    ],
)
def test_understands_reasons_and_refuses_none(given: dict[str, Any], challenge: str) -> None:
    order = ours(request(reasonCode=[given]))

    assert order.needs.challenges == [challenge]


@pytest.mark.parametrize(
    ("given", "challenges"),
    [
        ({"text": "Depression and alcohol dependence"}, ["depression", "alcohol"]),
        (reason(SNOMED, "310496002", "opioid use in remission"), ["depression", "substance_use"]),
        ({"coding": [{"system": SNOMED, "code": each} for each in ("13746004", "7200002")]}, ["bipolar", "alcohol"]),
        (reason("urn:unknown", "42", "Soledad y duelo"), ["grief", "loneliness"]),
    ],
)
def test_understands_all_that_one_reason_tells(given: dict[str, Any], challenges: list[str]) -> None:
    order = ours(request(reasonCode=[given]))

    assert order.needs.challenges == challenges
    assert protected(order) is bool({"alcohol", "substance_use"} & set(challenges))


def test_forgives_a_sender_its_untidiness() -> None:
    body = request(
        basedOn={"reference": "Appointment/1"},
        category={"coding": {"code": "social-connection"}},
        identifier={"value": "77"},
        contained=patient(telecom={"system": "phone", "value": "(212) 555-0123"}, name={"given": "Ana"}),
        reasonCode={"text": "depressed"},
        code=[{"coding": [{"code": "461481000124109"}]}],
        note={"text": "hello"},
        priority=None,
    )

    order = ours(body)

    assert order.identifier and order.identifier.value == "77"
    assert order.person.first_name == "Ana"
    assert order.person.reaches[0].address == "+12125550123"
    assert order.notes == ["hello", "depressed"]


@pytest.mark.parametrize(
    ("given", "urgency"), [("routine", "routine"), ("urgent", "priority"), ("asap", "priority"), ("stat", "urgent")]
)
def test_translates_priorities_to_urgency(given: str, urgency: str) -> None:
    assert ours(request(priority=given)).urgency == urgency


def test_leaves_out_what_cannot_reach_anybody() -> None:
    telecom = [
        {"system": "phone", "value": "ask the sister"},
        {"system": "phone", "value": "+12125550999", "use": "old"},
        {"system": "email", "value": "a@example.com, b@example.com"},
        {"system": "fax", "value": "+12125550998"},
        {"system": "sms", "value": "+12125550997", "period": {"end": "2019"}},
        {"system": "email", "value": "ana@example.com", "rank": 2, "period": {"start": "2019"}},
        {"system": "phone", "value": "+12125550123", "use": "home", "rank": 1},
    ]

    reaches = ours(request(contained=[patient(telecom=telecom)])).person.reaches

    assert [(each.channel, each.address) for each in reaches] == [
        ("voice", "+12125550123"),
        ("email", "ana@example.com"),
    ]


def test_reads_wishes_from_our_extensions() -> None:
    said = [
        risk("none"),
        extension("need-life-tag", valueCode="veteran"),
        extension("need-goal", valueString="Work"),
        extension("preference-modality", valueCode="video"),
        extension("preference-must-gender", valueCode="female"),
        extension("preference-window", valueString="Tue 17:00-20:00"),
        extension("preference-community", valueString="LGBTQ+"),
        extension("preference-directness", valueInteger=4),
    ]

    order = ours(request(extension=said))

    assert (order.needs.life_tags, order.needs.goals) == (["veteran"], ["work"])
    wishes = order.preferences
    assert (wishes.modalities, wishes.must_gender, wishes.directness) == (["video"], "woman", 4)
    assert wishes.windows[0].model_dump() == {"weekday": 1, "start": "17:00", "end": "20:00"}


@pytest.mark.parametrize(
    ("contained", "answer"),
    [
        (
            {
                "resourceType": "QuestionnaireResponse",
                "item": [{"linkId": "risk", "answer": [{"valueBoolean": False}]}],
            },
            "none",
        ),
        (
            {"resourceType": "QuestionnaireResponse", "item": [{"linkId": "risk", "answer": [{"valueBoolean": True}]}]},
            "flagged",
        ),
        (
            {
                "resourceType": "QuestionnaireResponse",
                "item": [
                    {"linkId": "g", "item": [{"linkId": "/93247-5", "answer": [{"valueCoding": {"code": "LA33-6"}}]}]}
                ],
            },
            "flagged",
        ),
        ({"resourceType": "Observation", "code": {"coding": [{"code": "44260-8"}]}, "valueInteger": 1}, "flagged"),
        ({"resourceType": "Observation", "code": {"coding": [{"code": "44260-8"}]}, "valueInteger": 0}, None),
        (
            {
                "resourceType": "Observation",
                "code": {"coding": [{"system": "https://alongside.example/fhir/CodeSystem/risk", "code": "risk"}]},
                "valueCodeableConcept": {"coding": [{"code": "unknown"}]},
            },
            "unknown",
        ),
    ],
)
def test_hears_risk_from_answers_and_scales(contained: dict[str, Any], answer: str | None) -> None:
    order = ours(request(answer=None, contained=[patient(), contained]))

    assert order.risk == answer


@pytest.mark.parametrize(
    "strange", [{"valueInteger": "12 mg"}, {"status": 7}, {"valueCodeableConcept": "high"}, {"subject": "nobody"}]
)
@pytest.mark.parametrize("code", ["2345-7", None])
def test_an_observation_about_something_else_is_no_matter_of_ours(strange: dict[str, Any], code: str | None) -> None:
    coded = {"coding": [{"code": code}] if code else []}
    glucose = {"resourceType": "Observation", "code": coded, **strange}

    assert ours(request(answer=None, contained=[patient(), glucose])).risk is None


@pytest.mark.parametrize(
    "code",
    [
        "44260-8",
        {"coding": "44260-8"},
        {"coding": [7]},
        {"coding": [{"code": 44260}]},
        {"coding": [{"code": "2345-7"}, {"code": "44260-8"}]},
    ],
)
def test_an_observation_that_may_be_about_danger_is_read_strictly(code: Any) -> None:
    strange = {"resourceType": "Observation", "code": code, "valueInteger": "often"}

    with pytest.raises(Refused) as refused:
        ours(request(answer=None, contained=[patient(), strange]))

    assert refused.value.issues[0].expression.startswith("ServiceRequest.contained[1].")


def test_the_worst_answer_counts() -> None:
    flagged = {"resourceType": "Observation", "code": {"coding": [{"code": "44260-8"}]}, "valueInteger": 3}

    assert ours(request(answer="none", contained=[patient(), flagged])).risk == "flagged"
    assert ours(request(answer="none", reasonCode=[reason(ICD10, "R45.851")])).risk == "flagged"


def test_protects_what_42_cfr_part_2_may_protect() -> None:
    labelled = request() | {"meta": {"security": [{"code": "42CFRPart2"}]}}

    assert protected(ours(labelled))
    assert protected(ours(request(reasonCode=[reason(ICD10, "F10.20")])))
    assert not protected(ours(request()))


def test_reads_insurance_and_consent() -> None:
    came = [patient(), coverage(), coverage(status="cancelled"), consent()]

    order = ours(request(contained=came))

    assert order.cover and (order.cover.payer, order.cover.member_id) == ("garden-health", "G-1001")
    (agreed,) = order.consents
    assert agreed.purposes == ["treatment"] and not agreed.part2


@pytest.mark.parametrize(
    ("end", "over"),
    [
        ("2026-12-31", "2027-01-01T00:00:00+00:00"),
        ("2028-02", "2028-03-01T00:00:00+00:00"),
        ("2026-12", "2027-01-01T00:00:00+00:00"),
        ("2026", "2027-01-01T00:00:00+00:00"),
        ("2026-12-31T18:00:00-05:00", "2026-12-31T23:00:00+00:00"),
        ("9999-12-31", "None"),
        ("9999", "None"),
    ],
)
def test_the_end_of_a_consent_is_a_part_of_it_however_little_of_it_is_written(end: str, over: str) -> None:
    given = consent(provision={"type": "permit", "period": {"end": end}})

    (agreed,) = ours(request(contained=[patient(), given])).consents

    assert str(agreed.expires_at).replace(" ", "T") == over


def test_a_plan_covers_somebody_to_the_end_of_the_month_or_year_that_is_named() -> None:
    cover = ours(request(contained=[patient(), coverage(period={"start": "2026-02", "end": "2026"})])).cover

    assert cover and (str(cover.covered_from), str(cover.covered_to)) == ("2026-02-01", "2026-12-31")


def test_a_denied_consent_to_treatment_is_a_no_and_a_denied_disclosure_tells_nobody() -> None:
    no = consent(scope={"coding": [{"code": "treatment"}]}, provision={"type": "deny"})
    silent = consent(provision={"type": "deny"})

    assert ours(request(contained=[patient(), no])).peer_support_consent is False
    assert ours(request(contained=[patient(), silent])).consents == []


def test_hears_when_somebody_left_the_hospital() -> None:
    stay = {"resourceType": "Encounter", "id": "stay", "period": {"end": "2026-02-27T11:00:00-05:00"}}

    order = ours(request(contained=[patient(), stay], encounter={"reference": "#stay"}))

    assert str(order.discharged_on) == "2026-02-27"


@pytest.mark.parametrize("end", ["9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01"])
def test_a_stay_that_ends_out_of_our_time_has_no_end_yet(end: str) -> None:
    stay = {"resourceType": "Encounter", "id": "stay", "period": {"end": end}}

    assert ours(request(contained=[patient(), stay], encounter={"reference": "#stay"})).discharged_on is None


def test_a_partial_birth_date_is_asked_about_not_guessed() -> None:
    assert ours(request(contained=[patient(birthDate="1990")])).person.birth_date is None


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"subject": {"reference": "Patient/9"}}, "ServiceRequest.subject"),
        ({"subject": None}, "ServiceRequest.subject"),
        ({"subject": {"reference": "Patient/9"}, "code": {"text": "Hip X-ray"}}, "ServiceRequest.code"),
        ({"status": "somewhere"}, "ServiceRequest.status"),
        ({"intent": "wish"}, "ServiceRequest.intent"),
        ({"priority": {"very": "urgent"}}, "ServiceRequest.priority"),
        ({"authoredOn": "yesterday"}, "ServiceRequest.authoredOn"),
        ({"authoredOn": "2026-03-02T10:00:00"}, "ServiceRequest.authoredOn"),
        ({"contained": [patient(gender="F")]}, "ServiceRequest.contained[0].gender"),
        ({"contained": [patient(birthDate="19761325")]}, "ServiceRequest.contained[0].birthDate"),
        ({"contained": [patient(birthDate="1976-13-25")]}, "ServiceRequest.contained[0].birthDate"),
        ({"contained": [patient(telecom=[{"system": "pigeon"}])]}, "ServiceRequest.contained[0].telecom[0].system"),
        ({"contained": [patient(), patient()]}, "ServiceRequest.contained[1]"),
        ({"extension": [risk("maybe")]}, "ServiceRequest.extension[0].valueCode"),
        ({"extension": [extension("preference-modality", valueCode="pigeon")]}, "ServiceRequest.extension[0]"),
        ({"extension": [extension("preference-window", valueString="tue 20:00-17:00")]}, "ServiceRequest.extension[0]"),
        ({"identifier": [{"value": 7}]}, "ServiceRequest.identifier[0].value"),
    ],
)
def test_says_where_a_request_is_wrong(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Refused) as refused:
        ours(request(**changes) if None not in changes.values() else {**request(), **changes})

    assert refused.value.status == 422
    assert refused.value.issues[0].expression == place


@needs_samples
def test_does_not_page_for_a_screen_that_found_nothing() -> None:
    screen = sample("fhir_encounter_careteam/bhp__C-SSRS-example-1.json")

    assert ours(request(answer=None, contained=[patient(), screen | {"subject": {"reference": "#ana"}}])).risk is None


def test_gives_nobody_anothers_insurance_out_of_a_bundle() -> None:
    ana, ben = patient(_as="urn:uuid:ana"), patient(_as="urn:uuid:ben", id="ben")
    entries = [
        ana,
        ben,
        coverage(beneficiary={"reference": "urn:uuid:ben"}),
        coverage(beneficiary=None, subscriberId="nobody's"),
        request("R-1", subject={"reference": "urn:uuid:ana"}, contained=None),
        request("R-2", subject={"reference": "Patient/ben"}, contained=None),
    ]

    of_ana, of_ben = read(json.dumps(bundle(*entries)).encode()).posted

    assert of_ana.order.cover is None
    assert of_ben.order.cover and of_ben.order.cover.member_id == "G-1001"


def test_takes_no_more_than_a_hundred_referrals_at_once() -> None:
    entries = [request(f"R-{number}") for number in range(101)]

    with pytest.raises(Refused) as refused:
        read(json.dumps(bundle(*entries)).encode())

    assert refused.value.issues[0].expression == "Bundle.entry"


@pytest.mark.parametrize(
    ("code", "category", "why", "service"),
    [
        ("461481000124109", None, None, "peer_support"),
        ("H0038", None, None, "peer_support"),
        ("183524004", None, "310496002", "other"),
        ("3457005", None, "3723001", "other"),
        ("3457005", None, "310496002", "peer_support"),
        ("3457005", "social-connection", None, "peer_support"),
        (None, "social-connection", None, "peer_support"),
        (None, None, None, "other"),
    ],
)
def test_tells_peer_support_from_other_services(
    code: str | None, category: str | None, why: str | None, service: str
) -> None:
    asked = {
        "code": {"coding": [{"code": code}]} if code else {},
        "category": [{"coding": [{"code": category}]}] if category else [],
        "reasonCode": [reason(SNOMED, why)] if why else [],
    }

    assert ours(request(**asked)).service == service
