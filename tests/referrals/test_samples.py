"""Messages that others wrote are understood, or refused with a reason, and never make the service fall over."""

import json

from shared import clock
from shared.events.referrals import ContactShared, ReferralAccepted, ReferralHeld
from tests.referrals.makers import NOW, SAMPLES, Desk, bundle, needs_samples, patient, sample


@needs_samples
async def test_takes_hl7s_own_example_of_a_referral_to_peer_support(desk: Desk) -> None:
    entries = [
        sample("fhir_patient/bhp__bh-patient-example.json"),
        sample("fhir_encounter_careteam/bhp__depression-condition-example-1.json"),
        sample("fhir_encounter_careteam/bhp__C-SSRS-example-1.json"),
        sample("fhir_coverage/bhp__medicaid-coverage-example-1.json"),
        sample("fhir_consent/bhp__SDOHCC-ConsentInformationDisclosure-example-1.json"),
        sample("fhir_servicerequest/bhp__ServiceRequest-peer-mentoring-example-1.json"),
    ]

    answer = await desk.refer(bundle(*entries), path="/fhir", who="screening-clinic")

    # Its status is completed: a person asks whether it is still wanted.
    assert answer.status_code == 200, answer.text
    assert [each.state for each in await desk.said(ReferralHeld)] == ["needs_info"]
    (asked,) = await desk.work()
    told = {"by": "Robin", "still_wanted": True}
    await desk.ask("POST", f"/referrals/{asked.about}/details", who="agency", json=told)
    (accepted,) = await desk.said(ReferralAccepted)
    assert (accepted.needs.challenges, accepted.age_band) == (["depression"], "adult")
    (contact,) = await desk.said(ContactShared)
    assert (contact.first_name, {each.channel for each in contact.reaches}) == ("James", {"voice", "email"})


@needs_samples
async def test_answers_every_sample_request_of_others_without_falling_over(desk: Desk) -> None:
    clock.step_to(NOW)
    for path in sorted(SAMPLES.glob("fhir_servicerequest/*.json")) + sorted(SAMPLES.glob("fhir_bundle/*.json")):
        alone = await desk.refer(path.read_bytes())
        together = await desk.refer(bundle(patient(), json.loads(path.read_bytes())), path="/fhir")

        assert alone.status_code in (201, 422), path.name
        assert together.status_code in (200, 422), path.name
