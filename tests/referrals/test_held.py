"""What waits for a person goes on only when a named person says so."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared import clock
from shared.events.referrals import ConsentGiven, ContactShared, CrisisRaised, ReferralAccepted, RiskCleared
from tests.referrals.makers import NOW, Desk, consent, coverage, patient, request

CLEAR = {"by": "Kim Lee", "reason": "spoke with her; safe at her sister's", "outcome": "clear"}
NOBODY = str(uuid4())


@pytest.mark.parametrize("answer", ["flagged", None])
async def test_goes_on_with_its_first_arrival_time_when_a_person_clears_it(desk: Desk, answer: str | None) -> None:
    referral_id = await desk.referred(request(answer=answer))
    clock.step_to(NOW + timedelta(hours=3))

    cleared = await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=CLEAR)

    assert cleared.json() == {"referral_id": referral_id, "state": "accepted"}
    (accepted,) = await desk.said(ReferralAccepted)
    assert accepted.arrived_at == NOW
    (fact,) = await desk.said(RiskCleared)
    assert (fact.cleared_by, fact.cleared_at) == ("Kim Lee", NOW + timedelta(hours=3))
    assert await desk.work() == []
    assert [each["status"] for each in await desk.told()] == ["on-hold", "accepted"]


async def test_counts_what_was_first_thought_and_what_is_now(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))

    await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=CLEAR)

    figures = await desk.figures()
    assert (figures["referrals_crisis_review"], figures["referrals_accepted"]) == (1, 0)
    assert (figures["referrals_in_crisis_review"], figures["referrals_in_accepted"]) == (0, 1)


async def test_pages_when_the_screening_finds_a_risk(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer=None))
    found = CLEAR | {"outcome": "risk"}

    first = await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=found)
    again = await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=found)

    assert first.json()["state"] == again.json()["state"] == "crisis_review"
    assert len(await desk.said(CrisisRaised)) == 1
    assert [each.kind for each in await desk.work()] == ["crisis"]
    assert await desk.said(ReferralAccepted) == []


@pytest.mark.parametrize("answer", ["flagged", None])
async def test_a_task_stays_open_while_its_referral_is_held(desk: Desk, answer: str | None) -> None:
    referral_id = await desk.referred(request(answer=answer))
    (task,) = await desk.work()

    refused = await desk.ask("POST", f"/work/{task.task_id}/done", who="agency", json={"by": "Kim Lee"})

    assert refused.status_code == 409
    assert refused.json()["errors"][0]["remedy"] == f"do it with POST /referrals/{referral_id}/screening"
    assert await desk.work() == [task]


@pytest.mark.parametrize(
    "body",
    [CLEAR | {"by": " "}, CLEAR | {"reason": ""}, CLEAR | {"outcome": "fine"}, {"by": "Kim"}, CLEAR | {"also": 1}],
)
async def test_nobody_clears_without_a_name_and_a_reason(desk: Desk, body: dict[str, str]) -> None:
    referral_id = await desk.referred(request(answer="flagged"))

    answer = await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=body)

    assert answer.status_code == 422
    assert await desk.said(ReferralAccepted) == []


async def test_only_the_programme_clears_and_only_what_waits(desk: Desk) -> None:
    held = await desk.referred(request(answer="flagged"))
    accepted = await desk.referred(request("R-2"))

    by_hospital = await desk.ask("POST", f"/referrals/{held}/screening", json=CLEAR)
    not_waiting = await desk.ask("POST", f"/referrals/{accepted}/screening", who="agency", json=CLEAR)
    unknown = await desk.ask("POST", f"/referrals/{NOBODY}/screening", who="agency", json=CLEAR)

    assert [each.status_code for each in (by_hospital, not_waiting, unknown)] == [403, 409, 404]


async def test_asks_one_question_and_goes_on_when_it_is_answered(desk: Desk) -> None:
    body = request(contained=[patient(telecom=None, birthDate="1990")])
    referral_id = await desk.referred(body)
    asked = await desk.task(referral_id)
    path = f"/referrals/{referral_id}/details"

    half = await desk.ask("POST", path, who="agency", json={"by": "Kim", "birth_date": "1990-05-06"})
    whole = await desk.ask("POST", path, who="agency", json={"by": "Kim", "phone": "(212) 555-0177"})

    assert asked["status"] == "on-hold" and "date of birth" in asked["statusReason"]["text"]
    assert (half.json()["state"], whole.json()["state"]) == ("needs_info", "accepted")
    (contact,) = await desk.said(ContactShared)
    assert contact.reaches[0].address == "+12125550177"
    assert await desk.work() == []


async def test_refuses_details_that_reach_nobody(desk: Desk) -> None:
    referral_id = await desk.referred(request(contained=[patient(telecom=None)]))
    path = f"/referrals/{referral_id}/details"

    phone = await desk.ask("POST", path, who="agency", json={"by": "Kim", "phone": "call her"})
    email = await desk.ask("POST", path, who="agency", json={"by": "Kim", "email": "a@b.example, c@d.example"})

    assert (phone.status_code, phone.json()["errors"][0]["where"]) == (422, "body.phone")
    assert (email.status_code, email.json()["errors"][0]["where"]) == (422, "body.email")
    assert "call her" not in phone.text


async def test_shows_the_programme_whom_to_call_and_writes_down_that_it_looked(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer=None, note=[{"text": "Prefers mornings"}]))

    record = (await desk.ask("GET", f"/referrals/{referral_id}", who="agency")).json()
    by_hospital = await desk.ask("GET", f"/referrals/{referral_id}", who="general-hospital")
    unknown = await desk.ask("GET", f"/referrals/{NOBODY}", who="agency")

    assert (record["first_name"], record["referred_as"], record["state"]) == ("Ana", "R-1", "needs_screen")
    assert record["reaches"] == [{"channel": "sms", "address": "+12125550123"}]
    assert [each.status_code for each in (by_hospital, unknown)] == [403, 404]
    timeline = (await desk.ask("GET", f"/referrals/{referral_id}/timeline", who="agency")).json()
    assert "looked_at" in [each["what"] for each in timeline]


async def test_lists_what_waits_in_pages(desk: Desk) -> None:
    for number in range(3):
        await desk.referred(request(f"R-{number}", answer=None))
    await desk.referred(request("R-9"))

    first = (await desk.ask("GET", "/referrals?state=needs_screen&limit=2", who="agency")).json()
    rest = (await desk.ask("GET", f"/referrals?state=needs_screen&limit=2&after={first['after']}", who="agency")).json()
    wrong = await desk.ask("GET", "/referrals?state=somewhere", who="agency")

    assert (len(first["referrals"]), len(rest["referrals"]), rest["after"]) == (2, 1, None)
    assert wrong.status_code == 422


async def test_a_consent_taken_back_while_a_referral_is_held_is_not_given_when_it_is_accepted(desk: Desk) -> None:
    named = [patient(), coverage(), consent()]
    held = [await desk.referred(request(number, answer=None, contained=named)) for number in ("R-1", "R-2")]

    ended = await desk.ask("POST", f"/referrals/{held[0]}/consent-revoked", who="agency", json={"by": "Kim"})
    again = await desk.ask("POST", f"/referrals/{held[1]}/consent-revoked", who="agency", json={"by": "Kim"})
    for each in held:
        await desk.ask("POST", f"/referrals/{each}/screening", who="agency", json=CLEAR)

    assert (ended.json(), again.json()) == ({"ended": 6}, {"ended": 0})
    assert len(await desk.said(ReferralAccepted)) == 2
    assert await desk.said(ConsentGiven) == []
    entries = (await desk.ask("GET", f"/referrals/{held[1]}/timeline", who="agency")).json()
    assert [each["what"] for each in entries].count("consent_revoked") == 2


async def test_everybody_who_looks_is_written_down_even_in_one_moment(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer=None))

    for _ in range(3):
        await desk.ask("GET", f"/referrals/{referral_id}", who="agency")

    entries = (await desk.ask("GET", f"/referrals/{referral_id}/timeline", who="agency")).json()
    assert [each["what"] for each in entries].count("looked_at") == 3


async def test_a_consent_taken_back_after_a_withdrawal_stays_so_when_the_referral_is_asked_for_again(
    desk: Desk,
) -> None:
    asked = request(answer=None, contained=[patient(), coverage(), consent()])
    mine = await desk.referred(asked)
    await desk.refer(asked | {"status": "revoked"})

    await desk.ask("POST", f"/referrals/{mine}/consent-revoked", who="agency", json={"by": "Kim"})
    await desk.refer(asked)
    await desk.ask("POST", f"/referrals/{mine}/screening", who="agency", json=CLEAR)
    wanted = {"by": "Kim", "still_wanted": True}
    answered = await desk.ask("POST", f"/referrals/{mine}/details", who="agency", json=wanted)

    assert answered.json()["state"] == "accepted"
    assert await desk.said(ConsentGiven) == []
