"""What is most likely to be got wrong (domain: pitfalls), as far as referrals have a part in it."""

import json
import re
from typing import Any

import pytest

from shared.events.matching import BridgeOffered
from shared.events.referrals import ReferralAccepted
from tests.referrals.makers import Desk, patient, request
from tests.referrals.test_following import facts

RACE = {
    "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
    "extension": [{"url": "text", "valueString": "Canary race"}],
}


async def test_the_name_of_a_group_or_service_never_reaches_who_referred(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    (accepted,) = await desk.said(ReferralAccepted)
    mine: dict[str, Any] = {"referral_id": accepted.referral_id, "person_id": accepted.person_id}
    for each in ("waitlisted", "match", "series", "first"):
        await desk.hear(facts(accepted)[each])
    await desk.hear(BridgeOffered(**mine, kind="warm_line", public_label="Staying sober line"))

    said = json.dumps([await desk.told(), await desk.task(referral_id)])

    assert "sober" not in said and "warm" not in said
    assert "Something to begin with was offered" in said


async def test_an_organisation_that_may_not_know_is_answered_as_if_there_were_nothing(desk: Desk) -> None:
    theirs = await desk.referred(request())

    there = await desk.ask("GET", f"/fhir/Task/{theirs}", who="silent-centre")
    nowhere = await desk.ask("GET", "/fhir/Task/6f1c8a52-6c0e-4d57-9a3c-7a1f0b6f2e11", who="silent-centre")
    found = await desk.ask("GET", "/fhir/Task", who="silent-centre", params={"patient.identifier": "M-1"})

    assert (there.status_code, there.text) == (nowhere.status_code, nowhere.text)
    assert found.json().get("total", 0) == 0


async def test_race_is_no_part_of_what_anybody_is_matched_by(desk: Desk) -> None:
    await desk.referred(request(contained=[patient(extension=[RACE])]))

    (accepted,) = await desk.said(ReferralAccepted)
    assert "Canary" not in accepted.model_dump_json() and "race" not in accepted.model_dump_json()


@pytest.mark.parametrize("language", ["en", "es"])
async def test_nobody_who_asks_is_promised_fewer_hospital_stays(small: Desk, language: str) -> None:
    page = (await small.http.get(f"/ask?lang={language}")).text

    assert not re.search(r"hospitali[sz]ation|readmission|hospitalizaci|relapse|reca[íi]da", page, re.I)


async def test_signs_of_danger_never_enter_what_the_matcher_hears(desk: Desk) -> None:
    words = {"note": [{"text": "Cut her wrists in May"}]}
    referral_id = await desk.referred(request(answer="flagged", **words))
    clear = {"by": "Kim Lee", "reason": "spoke with her; safe at her sister's", "outcome": "clear"}
    await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=clear)
    other = patient(identifier=[{"system": "urn:hospital:mrn", "value": "M-2"}])
    await desk.referred(request("R-2", contained=[other]))

    flagged, unflagged = (each.model_dump() for each in await desk.said(ReferralAccepted))

    own = {"referral_id", "person_id", "arrived_at", "event_id", "at"}
    assert {key: each for key, each in flagged.items() if key not in own} == {
        key: each for key, each in unflagged.items() if key not in own
    }
    assert not any(word in json.dumps(flagged, default=str) for word in ("wrists", "flagged", "risk"))
