"""The rules of a danger sign (domain: crisis), each through a real edge and a real store."""

from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from shared.events.referrals import CrisisRaised, ReferralAccepted, ReferralHeld, RiskCleared
from tests.referrals.makers import NOW, Desk, patient, request
from tests.referrals.pipes import message
from tests.referrals.test_asking import asked
from tests.referrals.test_hl7_words import field
from tests.referrals.test_mllp import answered, line

CLEAR = {"by": "Kim Lee", "reason": "spoke with her; safe at her sister's", "outcome": "clear"}
SIGNS = {
    "suicidal intent": "She wants to die",
    "a recent attempt": "Took too many pills last night",
    "harm to others": "Says he will hurt someone",
    "overdose risk now": "Overdosed twice this month",
    "abuse now": "My husband hits me",
    "cannot keep safe": "Cannot keep herself safe",
}


@pytest.mark.parametrize("sign", SIGNS)
async def test_any_sign_of_danger_makes_a_crisis_review_and_nothing_to_match(small: Desk, sign: str) -> None:
    referral_id = await small.referred(request(note=[{"text": SIGNS[sign]}]))

    assert (await small.task(referral_id))["businessStatus"]["coding"][0]["code"] == "crisis_review"
    assert await small.said(ReferralAccepted) == []
    assert len(await small.said(CrisisRaised)) == 1


async def test_the_on_call_person_is_paged_at_once_and_has_five_minutes(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))

    (fact,) = await desk.said(CrisisRaised)
    (task,) = await desk.work()
    assert (str(fact.referral_id), fact.raised_at) == (referral_id, NOW)
    assert (task.kind, task.owner, task.due) == ("crisis", "on-call", NOW + timedelta(minutes=5))


async def test_the_answer_to_a_sign_of_danger_has_the_emergency_words_and_who_phones_by_when(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))
    async with line(desk, "silent-centre") as port:
        flagged = field("OBX", 5, "flagged")
        rri = str(await answered(port, message(OBX=flagged)))

    for said in ((await desk.task(referral_id))["statusReason"]["text"], rri):
        assert "Received for review by a person. This is not an emergency service." in said
        assert "12:15 on Monday, March 2" in said
        assert "911" in said and "988" in said


async def test_only_a_named_person_clears_and_the_referral_keeps_its_first_arrival(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))
    clock.step_to(NOW + timedelta(hours=3))
    await desk.refer(request(answer="none"))
    assert await desk.said(ReferralAccepted) == []

    path = f"/referrals/{referral_id}/screening"
    nameless = await desk.ask("POST", path, who="agency", json=CLEAR | {"by": " "})
    reasonless = await desk.ask("POST", path, who="agency", json=CLEAR | {"reason": " "})
    await desk.ask("POST", path, who="agency", json=CLEAR)

    assert (nameless.status_code, reasonless.status_code) == (422, 422)
    assert [each.cleared_by for each in await desk.said(RiskCleared)] == ["Kim Lee"]
    assert [each.arrived_at for each in await desk.said(ReferralAccepted)] == [NOW]


@pytest.mark.parametrize("note", ["Not suicidal at all", "Denies wanting to kill herself", "No self-harm"])
async def test_words_only_raise_and_never_clear(small: Desk, note: str) -> None:
    flagged = await small.referred(request(answer="flagged", note=[{"text": "All is well, no risk"}]))
    denied = await small.referred(request("R-2", note=[{"text": note}]))

    for each in (flagged, denied):
        assert (await small.task(each))["businessStatus"]["coding"][0]["code"] == "crisis_review"


@pytest.mark.parametrize("answer", [None, "unknown"])
async def test_no_answer_about_risk_waits_for_a_person_and_is_never_no_risk(desk: Desk, answer: str | None) -> None:
    await desk.referred(request(answer=answer))

    assert [each.state for each in await desk.said(ReferralHeld)] == ["needs_screen"]
    assert [each.kind for each in await desk.work()] == ["screening"]
    assert await desk.said(ReferralAccepted) == []


async def test_a_warm_line_is_not_the_answer_to_danger(desk: Desk) -> None:
    page = (await asked(desk, risk="yes")).page.one("main").text()

    assert "988" in page and "911" in page
    assert "555-0177" not in page


async def test_while_nobody_can_be_paged_the_answer_is_503_with_the_words_to_act_on(desk: Desk) -> None:
    await desk.referred(request(answer="flagged"))
    clock.step_to(NOW + timedelta(minutes=3))

    other = patient(identifier=[{"system": "urn:hospital:mrn", "value": "M-2"}])
    answer = await desk.refer(request("R-2", answer="flagged", contained=[other]))

    issue: dict[str, Any] = answer.json()["issue"][0]
    assert (answer.status_code, issue["code"]) == (503, "transient")
    assert "988" in issue["diagnostics"] and "911" in issue["diagnostics"]
    assert len(await desk.said(CrisisRaised)) == 2
