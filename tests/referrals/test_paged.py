"""Danger reaches a person: they are paged, one takes it in hand by name, and who refers is told when nobody hears."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared import clock
from shared.events.notifications import OnCallPaged
from shared.events.referrals import CrisisAcknowledged, CrisisRaised, RiskCleared
from tests.referrals.makers import NOW, Desk, bundle, patient, request
from tests.referrals.pipes import SEGMENTS, message
from tests.referrals.test_asking import asked
from tests.referrals.test_mllp import frame, line, talk

MINUTE = timedelta(minutes=1)
CLEAR = {"by": "Kim Lee", "reason": "spoke with her; safe at her sister's", "outcome": "clear"}


async def paged(desk: Desk, raised: CrisisRaised) -> None:
    """Let the pager take the page about a danger sign."""
    about = {"person_id": raised.person_id, "referral_id": raised.referral_id, "raised_at": raised.raised_at}
    await desk.hear(OnCallPaged(page_id=uuid4(), paged_at=clock.now(), **about))


async def taken(desk: Desk, referral_id: str, by: str = "Kim Lee") -> int:
    answer = await desk.ask("POST", f"/referrals/{referral_id}/acknowledgement", who="agency", json={"by": by})
    return answer.status_code


async def test_who_takes_danger_in_hand_owns_it_until_it_is_cleared(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged", note=[{"text": "Took an overdose"}]))
    clock.step_to(NOW + 3 * MINUTE)

    assert await taken(desk, referral_id) == 200

    (fact,) = await desk.said(CrisisAcknowledged)
    assert (fact.acknowledged_by, fact.raised_at, fact.acknowledged_at) == ("Kim Lee", NOW, NOW + 3 * MINUTE)
    (task,) = await desk.work()
    assert (task.kind, task.owner, task.due) == ("crisis_taken", "Kim Lee", NOW + 15 * MINUTE)
    assert task.note == "Risk: flagged.\nTook an overdose"
    await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=CLEAR)
    assert await desk.work() == []


async def test_another_may_take_danger_over_and_is_its_owner_then(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))

    assert [await taken(desk, referral_id, by) for by in ("Kim Lee", "Dana Reed")] == [200, 200]

    assert [(each.kind, each.owner) for each in await desk.work()] == [("crisis_taken", "Dana Reed")]


async def test_danger_that_is_raised_again_waits_for_somebody_again(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))
    await taken(desk, referral_id)
    await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=CLEAR)
    clock.step_to(NOW + timedelta(days=1))

    await desk.refer(request(answer="flagged", note=[{"text": "Took an overdose yesterday"}]))

    assert ("crisis", "on-call") in [(each.kind, each.owner) for each in await desk.work()]
    assert len(await desk.said(CrisisRaised)) == 2


@pytest.mark.parametrize(
    ("body", "who", "status"),
    [({"by": " "}, "agency", 422), ({}, "agency", 422), ({"by": "Kim"}, "general-hospital", 403)],
)
async def test_only_the_programme_takes_danger_in_hand_and_by_name(
    desk: Desk, body: dict[str, str], who: str, status: int
) -> None:
    referral_id = await desk.referred(request(answer="flagged"))

    answer = await desk.ask("POST", f"/referrals/{referral_id}/acknowledgement", who=who, json=body)

    assert answer.status_code == status
    assert await desk.said(CrisisAcknowledged) == []


async def test_nothing_is_taken_in_hand_where_there_is_no_danger(desk: Desk) -> None:
    referral_id = await desk.referred(request())

    assert await taken(desk, referral_id) == 409
    assert await taken(desk, str(uuid4())) == 404


async def test_danger_is_answered_503_while_nobody_was_paged_about_the_last_one(desk: Desk) -> None:
    first = await desk.refer(request("R-1", answer="flagged"))
    clock.step_to(NOW + 2 * MINUTE)

    second = await desk.refer(request("R-2", answer="flagged", contained=[patient(identifier=[{"value": "P-2"}])]))

    assert (first.status_code, second.status_code) == (201, 503)
    assert "Retry-After" in second.headers
    (issue,) = second.json()["issue"]
    assert issue["code"] == "transient"
    assert "911" in issue["diagnostics"] and "988" in issue["diagnostics"] and "is kept" in issue["diagnostics"]
    assert len(await desk.said(CrisisRaised)) == 2
    figures = await desk.figures()
    assert (figures["referrals_received"], figures["referrals_refused"], figures["referrals_crises_unheard"]) == (
        2,
        0,
        1,
    )


async def test_danger_is_answered_as_ever_once_somebody_is_paged_again(desk: Desk) -> None:
    await desk.refer(request("R-1", answer="flagged"))
    clock.step_to(NOW + 5 * MINUTE)
    again = request("R-2", answer="flagged", contained=[patient(identifier=[{"value": "P-2"}])])
    refused = await desk.refer(again)
    await paged(desk, (await desk.said(CrisisRaised))[-1])

    first = request("R-1", answer="flagged")
    answers = [await desk.refer(each) for each in (again, request("R-3", answer="flagged"), first)]

    # The first was never paged about: its sender is told so as long as that is true.
    assert [each.status_code for each in (refused, *answers)] == [503, 200, 201, 503]
    assert len(await desk.said(CrisisRaised)) == 3


async def test_danger_that_somebody_took_in_hand_unpaged_says_nothing_against_the_pager(desk: Desk) -> None:
    referral_id = await desk.referred(request("R-1", answer="flagged"))
    await taken(desk, referral_id)
    clock.step_to(NOW + 5 * MINUTE)

    answer = await desk.refer(request("R-2", answer="flagged", contained=[patient(identifier=[{"value": "P-2"}])]))

    assert answer.status_code == 201
    assert (await desk.figures())["referrals_crises_unheard"] == 0


async def test_what_holds_no_danger_is_taken_in_while_nobody_can_be_paged(desk: Desk) -> None:
    await desk.refer(request("R-1", answer="flagged"))
    clock.step_to(NOW + 5 * MINUTE)

    answer = await desk.refer(request("R-2", contained=[patient(identifier=[{"value": "P-2"}])]))

    assert answer.status_code == 201


async def test_a_page_about_an_earlier_sign_does_not_count_for_a_later_one(desk: Desk) -> None:
    referral_id = await desk.referred(request("R-1", answer="flagged"))
    clock.step_to(NOW + MINUTE)
    await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=CLEAR)
    await desk.refer(request("R-1", answer="flagged", note=[{"text": "Took an overdose"}]))
    first, second = await desk.said(CrisisRaised)

    await paged(desk, first)
    clock.step_to(NOW + 5 * MINUTE)
    before = (await desk.figures())["referrals_crises_unheard"]
    await paged(desk, second)

    assert (before, (await desk.figures())["referrals_crises_unheard"]) == (1, 0)


async def test_a_bundle_with_danger_is_answered_503_too_and_is_kept_once(desk: Desk) -> None:
    await desk.refer(request("R-1", answer="flagged"))
    clock.step_to(NOW + 5 * MINUTE)
    posted = bundle(
        {**patient(identifier=[{"value": "P-9"}]), "_as": "urn:uuid:p"},
        request("R-9", answer="flagged", subject={"reference": "urn:uuid:p"}),
    )

    answers = [await desk.ask("POST", "/fhir", json=posted) for _ in range(2)]

    assert [each.status_code for each in answers] == [503, 503]
    assert (await desk.figures())["referrals_received"] == 2


async def test_an_engine_is_answered_no_while_nobody_can_be_paged(desk: Desk) -> None:
    await desk.refer(request("R-1", answer="flagged"))
    clock.step_to(NOW + 5 * MINUTE)
    sign = SEGMENTS["OBX"].replace("none^No sign of danger", "flagged^May be in danger")
    flagged = frame(message(OBX=sign))

    async with line(desk) as port:
        (refused,) = await talk(port, flagged)
        await paged(desk, (await desk.said(CrisisRaised))[-1])
        (accepted,) = await talk(port, flagged)

    assert [str(each.segment("MSA")[1]) for each in (refused, accepted)] == ["AR", "AA"]
    assert "988" in str(refused)
    assert (await desk.figures())["referrals_refused"] == 0


async def test_the_programme_reads_in_the_timeline_who_was_paged_and_who_took_it(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))
    await paged(desk, (await desk.said(CrisisRaised))[0])
    await taken(desk, referral_id)

    lines = {
        who: [each["what"] for each in (await desk.ask("GET", f"/referrals/{referral_id}/timeline", who=who)).json()]
        for who in ("agency", "general-hospital")
    }

    assert {"paged", "acknowledged"} <= set(lines["agency"])
    assert not {"paged", "acknowledged"} & set(lines["general-hospital"])


async def test_clearing_danger_ends_what_somebody_took_in_hand(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))
    await taken(desk, referral_id)
    (task,) = await desk.work()

    refused = await desk.ask("POST", f"/work/{task.task_id}/done", who="agency", json={"by": "Kim Lee"})
    await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=CLEAR)

    assert refused.status_code == 409
    assert [each.referral_id for each in await desk.said(RiskCleared)] == [UUID(referral_id)]
    assert await desk.work() == []


async def test_who_asks_for_themselves_in_danger_is_told_not_to_wait_while_nobody_can_be_paged(desk: Desk) -> None:
    await asked(desk, risk="yes")
    clock.step_to(NOW + 5 * MINUTE)

    browser = await asked(desk, risk="yes")
    answered, link = browser.page.one("main").text(), browser.link()
    await browser.open(link)
    before = browser.page.by_id("stands").text()
    await paged(desk, (await desk.said(CrisisRaised))[-1])
    await browser.open(link)

    assert "we can not reach our own team" in answered and "988" in answered and "will be in touch by" not in answered
    assert (before, browser.page.by_id("stands").text()) == (
        "Please do not wait for us",
        "A person will talk with you",
    )
