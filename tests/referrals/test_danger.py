"""Danger that shows itself later: in a repeat, after a clearance, in a referral that was accepted long ago."""

from datetime import timedelta
from typing import Any

import pytest

from services.referrals.rules.triage import news_of_danger
from shared import clock
from shared.events.referrals import CrisisRaised, ReferralAccepted, RiskCleared
from shared.work import Task
from tests.referrals.makers import NOW, Desk, order, patient, request

CLEAR = {"by": "Kim Lee", "reason": "spoke with her; safe at her sister's", "outcome": "clear"}
OVERDOSE = [{"text": "Took an overdose yesterday"}]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def screened(desk: Desk, referral_id: str, outcome: str = "clear") -> str:
    answer = await desk.ask(
        "POST", f"/referrals/{referral_id}/screening", who="agency", json=CLEAR | {"outcome": outcome}
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["state"])


async def crisis_tasks(desk: Desk) -> list[Task]:
    return [each for each in await desk.work() if each.kind == "crisis"]


async def test_danger_in_a_repeat_of_an_accepted_referral_is_paged_once_and_shown_to_whoever_looks(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    clock.step_to(NOW + DAY)

    answers = [await desk.refer(request(answer="flagged", note=OVERDOSE)) for _ in range(3)]

    assert len(await desk.said(CrisisRaised)) == 1
    (task,) = await crisis_tasks(desk)
    assert (task.about, task.owner, task.due) == (referral_id, "on-call", NOW + DAY + timedelta(minutes=5))
    assert task.note == "Risk: flagged.\nTook an overdose yesterday"
    assert {each.status_code for each in answers} == {200}
    assert all("not an emergency service" in each.json()["note"][0]["text"] for each in answers)


async def test_whoever_looked_at_danger_in_an_accepted_referral_clears_it_by_name(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    await desk.refer(request(answer="flagged"))
    (task,) = await crisis_tasks(desk)

    refused = await desk.ask("POST", f"/work/{task.task_id}/done", who="agency", json={"by": "Kim Lee"})
    still = await screened(desk, referral_id, "risk")
    state = await screened(desk, referral_id)

    assert refused.json()["errors"][0]["remedy"] == f"do it with POST /referrals/{referral_id}/screening"
    assert (still, state) == ("accepted", "accepted")
    assert [each.cleared_by for each in await desk.said(RiskCleared)] == ["Kim Lee"]
    assert len(await desk.said(ReferralAccepted)) == len(await desk.said(CrisisRaised)) == 1
    assert await crisis_tasks(desk) == []


async def test_new_danger_after_a_clearance_is_paged_like_the_first(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))
    await screened(desk, referral_id)
    clock.step_to(NOW + DAY)

    for _ in range(2):
        await desk.refer(request(answer="flagged", note=OVERDOSE))

    assert [each.raised_at for each in await desk.said(CrisisRaised)] == [NOW, NOW + DAY]
    (task,) = await crisis_tasks(desk)
    assert task.opened_at == NOW + DAY
    await screened(desk, referral_id)
    await desk.refer(request(answer="flagged", note=OVERDOSE))
    assert len(await desk.said(CrisisRaised)) == 2


async def test_a_flag_that_comes_back_after_it_was_taken_away_is_paged(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))
    await screened(desk, referral_id)
    await desk.refer(request(answer="none"))
    clock.step_to(NOW + DAY)

    await desk.refer(request(answer="flagged"))

    assert len(await desk.said(CrisisRaised)) == 2


async def test_a_referral_that_waits_for_details_after_a_clearance_is_held_and_paged_again(desk: Desk) -> None:
    nowhere = [patient(telecom=None)]
    referral_id = await desk.referred(request(answer=None, contained=nowhere))
    assert await screened(desk, referral_id, "risk") == "crisis_review"
    assert await screened(desk, referral_id) == "needs_info"
    clock.step_to(NOW + HOUR)

    await desk.refer(request(answer="flagged", contained=nowhere))

    assert len(await desk.said(CrisisRaised)) == 2
    assert [each.about for each in await crisis_tasks(desk)] == [referral_id]
    assert await screened(desk, referral_id) == "needs_info"


@pytest.mark.parametrize(
    ("change", "pages"),
    [({"note": OVERDOSE}, 2), ({"contained": [patient(telecom=[])]}, 1), ({"note": [{"text": "Likes mornings"}]}, 1)],
)
async def test_while_somebody_looks_only_another_sign_pages_again(
    desk: Desk, change: dict[str, Any], pages: int
) -> None:
    await desk.referred(request(answer="flagged"))
    clock.step_to(NOW + timedelta(minutes=2))

    for body in (request(answer="flagged", **change), request(answer="flagged"), request(answer="flagged", **change)):
        await desk.refer(body)

    assert len(await desk.said(CrisisRaised)) == pages


async def test_promises_a_call_after_the_danger_was_raised_with_its_date(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer=None))
    clock.step_to(NOW + 3 * DAY)

    await screened(desk, referral_id, "risk")

    told = (await desk.told())[-1]["statusReason"]["text"]
    assert "A person will phone you by 12:15 on Thursday, March 5." in told
    assert (await desk.task(referral_id))["statusReason"]["text"] == told


def test_a_record_entered_in_error_tells_of_nobodys_danger() -> None:
    flagged = order(risk="flagged")
    wrong = flagged.model_copy(update={"status": "entered_in_error"})

    assert news_of_danger(flagged, flagged, in_crisis=False)
    assert not news_of_danger(wrong, flagged, in_crisis=False)
