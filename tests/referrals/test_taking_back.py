"""Who referred somebody may take that back: before a match it is over, after that somebody asks the person."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared import clock
from shared.events.referrals import CrisisRaised, ReferralAccepted, ReferralRefused
from tests.referrals.makers import NOW, Desk, bundle, patient, request
from tests.referrals.pipes import event, message
from tests.referrals.test_following import facts
from tests.referrals.test_mllp import answered, line

PATCH = {"content-type": "application/json-patch+json"}
CANCEL = [{"op": "replace", "path": "/status", "value": "cancelled"}]


async def patch(desk: Desk, referral_id: str, operations: Any = None, **rest: Any) -> httpx.Response:
    """A JSON Patch of a Task."""
    headers = PATCH | rest.pop("headers", {})
    content = json.dumps(CANCEL if operations is None else operations).encode()
    return await desk.ask("PATCH", f"/fhir/Task/{referral_id}", content=content, headers=headers, **rest)


async def kinds(desk: Desk) -> set[str]:
    """What people are asked to do."""
    return {each.kind for each in await desk.work()}


@pytest.mark.parametrize("answer", ["none", None])
async def test_before_a_match_it_ends_the_referral_and_what_people_were_asked(desk: Desk, answer: str | None) -> None:
    mine = await desk.referred(request(answer=answer, contained=[patient(birthDate=None)] if answer else [patient()]))
    assert await kinds(desk) == {"missing_info" if answer else "screening"}

    told = await patch(desk, mine)

    assert (told.status_code, told.json()["status"]) == (200, "cancelled")
    assert told.json()["businessStatus"]["coding"][0]["code"] == "withdrawn"
    assert [each.reason for each in await desk.said(ReferralRefused)] == ["withdrawn"]
    assert await kinds(desk) == set()
    assert (await desk.told())[-1]["status"] == "cancelled"
    assert (await desk.ask("GET", f"/fhir/ServiceRequest/{mine}")).json()["status"] == "revoked"


MERGE = "application/merge-patch+json"


@pytest.mark.parametrize("media", [MERGE, "application/json", "application/json; charset=utf-8"])
async def test_a_merge_patch_takes_it_back_as_a_json_patch_does(desk: Desk, media: str) -> None:
    mine = await desk.referred(request())
    wanted = {"id": mine, "status": "cancelled", "statusReason": {"text": "They moved away"}}

    told = await patch(desk, mine, wanted, headers={"content-type": media})

    assert (told.status_code, told.json()["status"]) == (200, "cancelled")


@pytest.mark.parametrize(
    ("media", "body", "status", "place"),
    [
        (MERGE, CANCEL, 400, "$"),
        (MERGE, {"owner": None, "status": "cancelled"}, 422, "$.owner"),
        (MERGE, {"status": None}, 422, "$.status"),
        (MERGE, {}, 422, "$.status"),
        (MERGE, {"id": "another", "status": "cancelled"}, 400, "$"),
        (MERGE, {"status": "completed"}, 422, "Task.status"),
        ("application/json", {"status": ["cancelled"]}, 422, "$.status"),
        ("application/json-patch+json", {"status": "cancelled"}, 400, "$"),
        ("text/plain", {"status": "cancelled"}, 415, "header Content-Type"),
    ],
)
async def test_a_patch_that_cannot_be_meant_is_refused_with_its_place(
    small: Desk, media: str, body: Any, status: int, place: str
) -> None:
    mine = await small.referred(request())

    told = await patch(small, mine, body, headers={"content-type": media})

    assert (told.status_code, told.json()["issue"][0]["expression"]) == (status, [place])
    assert (await small.task(mine))["status"] == "accepted"


async def test_after_a_match_the_person_is_asked_and_the_referrer_told_the_same(desk: Desk) -> None:
    mine = await desk.referred(request())
    (accepted,) = await desk.said(ReferralAccepted)
    await desk.hear(facts(accepted)["match"])

    told = await patch(desk, mine)

    assert told.json()["status"] == "cancelled"
    assert await desk.said(ReferralRefused) == []
    assert await kinds(desk) == {"changed_referral"}


async def test_a_match_made_in_the_same_moment_is_put_before_a_person(desk: Desk) -> None:
    mine = await desk.referred(request())
    (accepted,) = await desk.said(ReferralAccepted)
    await patch(desk, mine)

    await desk.hear(facts(accepted)["match"])

    assert await kinds(desk) == {"matched_though_withdrawn"}
    assert (await desk.task(mine))["status"] == "cancelled"


async def test_nothing_is_dropped_where_somebody_may_be_in_danger(desk: Desk) -> None:
    mine = await desk.referred(request(answer="flagged"))

    told = await patch(desk, mine)

    assert told.json()["status"] == "on-hold"
    assert await kinds(desk) == {"crisis", "changed_referral"}


async def test_what_is_taken_back_in_danger_ends_when_a_person_has_cleared_it(desk: Desk) -> None:
    mine = await desk.referred(request())
    await desk.refer(request(answer="flagged"))

    told = await patch(desk, mine)
    meanwhile = await desk.said(ReferralRefused)
    looked = {"by": "Kim", "reason": "spoke with her", "outcome": "clear"}
    cleared = await desk.ask("POST", f"/referrals/{mine}/screening", who="agency", json=looked)

    assert (told.json()["status"], meanwhile) == ("accepted", [])
    assert cleared.json()["state"] == "refused"
    assert [each.reason for each in await desk.said(ReferralRefused)] == ["withdrawn"]
    assert (await desk.told())[-1]["status"] == "cancelled"


async def test_a_sign_of_danger_in_the_reason_pages(desk: Desk) -> None:
    mine = await desk.referred(request())

    told = await patch(
        desk, mine, [*CANCEL, {"op": "add", "path": "/statusReason", "value": {"text": "took an overdose"}}]
    )

    assert told.json()["status"] == "accepted"
    assert len(await desk.said(CrisisRaised)) == 1
    assert "crisis" in await kinds(desk)


async def test_a_sign_of_danger_in_a_second_reason_pages_too(desk: Desk) -> None:
    mine = await desk.referred(request())
    await patch(desk, mine)
    reason = {"op": "add", "path": "/statusReason", "value": {"coding": [{"display": "took an overdose"}]}}

    await patch(desk, mine, [*CANCEL, reason])

    assert len(await desk.said(CrisisRaised)) == 1


async def test_what_was_flagged_and_cleared_can_be_taken_back(desk: Desk) -> None:
    mine = await desk.referred(request(answer="flagged", contained=[patient(birthDate=None)]))
    looked = {"by": "Robin", "reason": "spoke with her", "outcome": "clear"}
    await desk.ask("POST", f"/referrals/{mine}/screening", who="agency", json=looked)

    told = await patch(desk, mine)

    assert told.json()["status"] == "cancelled"
    assert len(await desk.said(CrisisRaised)) == 1


async def test_what_was_taken_back_and_is_sent_again_is_put_before_a_person(desk: Desk) -> None:
    await desk.referred(request())
    await desk.refer(request(status="revoked"))

    again = await desk.refer(request())

    assert await kinds(desk) == {"missing_info"}
    task = await desk.task(again.json()["id"])
    assert (task["status"], task == (await desk.told())[-1]) == ("on-hold", True)
    assert "taken back before" in task["statusReason"]["text"]


async def test_what_is_asked_for_again_and_differs_is_compared_too(desk: Desk) -> None:
    mine = await desk.referred(request())
    await patch(desk, mine)

    await desk.refer(request(priority="stat", note=[{"text": "took an overdose"}]))

    assert await kinds(desk) == {"crisis", "changed_referral"}
    assert len(await desk.said(CrisisRaised)) == 1


async def test_what_is_asked_for_again_may_be_taken_back_again(desk: Desk) -> None:
    mine = await desk.referred(request())
    await patch(desk, mine)
    await desk.refer(request())

    told = await patch(desk, mine)

    assert (told.json()["status"], await kinds(desk)) == ("cancelled", set())
    assert len(await desk.said(ReferralRefused)) == 2


async def test_what_is_taken_back_in_danger_and_asked_for_again_is_asked_about_when_it_is_cleared(desk: Desk) -> None:
    mine = await desk.referred(request(answer="flagged"))
    await patch(desk, mine)
    await desk.refer(request(answer="flagged"))

    looked = {"by": "Kim", "reason": "spoke with her", "outcome": "clear"}
    cleared = await desk.ask("POST", f"/referrals/{mine}/screening", who="agency", json=looked)

    assert cleared.json()["state"] == "needs_info"
    assert await desk.said(ReferralRefused) == []
    assert "missing_info" in await kinds(desk)


async def test_a_put_of_what_was_read_does_not_take_our_own_words_for_a_reason(small: Desk) -> None:
    mine = await small.referred(request(answer=None))
    task = await small.task(mine)
    other = json.dumps({**task, "id": str(uuid4()), "status": "cancelled"}).encode()

    wrong = await small.ask("PUT", f"/fhir/Task/{mine}", content=other)
    told = await small.ask("PUT", f"/fhir/Task/{mine}", content=json.dumps({**task, "status": "cancelled"}).encode())

    assert (wrong.status_code, told.json()["status"]) == (400, "cancelled")


async def test_what_a_change_answers_is_what_is_read_then(desk: Desk) -> None:
    mine = await desk.referred(request())
    clock.step_to(NOW.replace(hour=20))

    told = await patch(desk, mine)
    read = await desk.ask("GET", f"/fhir/Task/{mine}")

    assert told.json() == read.json()
    assert told.headers["etag"] == read.headers["etag"]


async def test_taking_it_back_twice_changes_nothing(desk: Desk) -> None:
    mine = await desk.referred(request())
    first = await patch(desk, mine)

    again = await patch(desk, mine)

    assert (again.status_code, again.json()) == (200, first.json())
    assert len(await desk.said(ReferralRefused)) == 1


async def test_a_referral_without_a_number_of_its_sender_is_taken_back_by_ours(desk: Desk) -> None:
    mine = await desk.referred(request(None))

    assert (await patch(desk, mine)).json()["id"] == mine
    assert len(await desk.said(ReferralAccepted)) == 1


async def test_a_put_of_the_task_does_the_same(desk: Desk) -> None:
    mine = await desk.referred(request())
    task = await desk.task(mine)
    body = json.dumps({**task, "status": "entered-in-error"}).encode()

    told = await desk.ask("PUT", f"/fhir/Task/{mine}", content=body)

    assert (told.status_code, told.json()["status"]) == (200, "entered-in-error")
    assert [each.reason for each in await desk.said(ReferralRefused)] == ["entered_in_error"]


async def test_a_ref_i14_does_the_same(desk: Desk) -> None:
    async with line(desk) as port:
        await answered(port, message())
        answer = await answered(port, message(MSH=event("I14", "MSG-2")))

    assert str(answer.segment("RF1")[1]) == "R"
    assert [each.reason for each in await desk.said(ReferralRefused)] == ["withdrawn"]


async def test_a_request_sent_again_as_revoked_does_the_same(desk: Desk) -> None:
    await desk.referred(request())

    await desk.refer(request(status="revoked"))

    assert [each.reason for each in await desk.said(ReferralRefused)] == ["withdrawn"]


@pytest.mark.parametrize("status", ["revoked", "entered-in-error"])
@pytest.mark.parametrize("numbered", [True, False])
async def test_what_nobody_had_referred_is_not_said_to_be_taken_back(desk: Desk, status: str, numbered: bool) -> None:
    content = request(status=status)
    if not numbered:
        del content["identifier"]

    mine = await desk.referred(content)

    task = (await desk.ask("GET", f"/fhir/Task/{mine}")).json()
    assert task["statusReason"]["text"] == "No such referral had come from you."
    assert task["statusReason"]["coding"][0]["code"] == "unknown"
    assert task["businessStatus"]["text"] == "There was nothing to take back"


async def test_of_two_changes_of_the_same_version_one_is_refused(desk: Desk) -> None:
    mine = await desk.referred(request())
    known = {"if-match": (await desk.ask("GET", f"/fhir/Task/{mine}")).headers["etag"]}
    other = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]

    told = await asyncio.gather(*(patch(desk, mine, each, headers=known) for each in (CANCEL, other)))

    assert sorted(each.status_code for each in told) == [200, 412]
    assert len(await desk.said(ReferralRefused)) == 1


async def test_a_change_of_another_version_is_refused(small: Desk) -> None:
    mine = await small.referred(request())
    known = (await small.ask("GET", f"/fhir/Task/{mine}")).headers["etag"]

    stale = await patch(small, mine, headers={"if-match": 'W/"0123"'})
    told = await patch(small, mine, headers={"if-match": known})

    assert (stale.status_code, stale.json()["issue"][0]["code"]) == (412, "conflict")
    assert told.status_code == 200


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ([{"op": "replace", "path": "/status", "value": "completed"}], 422),
        ([{"op": "replace", "path": "/status", "value": "in-progress"}], 422),
        ([{"op": "replace", "path": "/owner", "value": {}}], 422),
        ([{"op": "remove", "path": "/status"}], 422),
        ([], 422),
        ([{"op": "replace", "path": "/status", "value": 7}], 422),
        ([{"op": "test", "path": "/status", "value": "on-hold"}, *CANCEL], 409),
        ({"op": "replace"}, 400),
        ([7], 400),
    ],
)
async def test_every_other_change_is_refused(small: Desk, operations: Any, status: int) -> None:
    mine = await small.referred(request())

    told = await patch(small, mine, operations)

    assert (told.status_code, told.json()["resourceType"]) == (status, "OperationOutcome")
    assert await small.said(ReferralRefused) == []


async def test_nobody_takes_back_what_is_anothers(small: Desk) -> None:
    mine = await small.referred(request())

    told = [await patch(small, mine, who=who) for who in ("silent-centre", "garden-health", "agency")]

    assert {each.status_code for each in told} == {404}
    assert await small.said(ReferralRefused) == []


async def test_without_a_number_nothing_is_alike_to_a_withdrawal_that_comes_with_it(desk: Desk) -> None:
    people = [
        patient(id=f"p{each}", identifier=[{"system": "urn:hospital:mrn", "value": f"M-{each}"}]) for each in "12"
    ]
    asked, back = (request(None, contained=[], status=each) for each in ("active", "revoked"))
    one, other = ({"_as": f"urn:uuid:{uuid4()}", **each} for each in people)

    whole = bundle(
        one, other, asked | {"subject": {"reference": one["_as"]}}, back | {"subject": {"reference": other["_as"]}}
    )
    answer = await desk.refer(whole, path="/fhir")

    assert answer.status_code == 200
    assert "changed_referral" not in await kinds(desk)
