"""However FHIR writes a referral, it is one: a request, a Task, a transaction, a batch, a message."""

import json
from typing import Any

import pytest

from shared.events.referrals import ReferralAccepted, ReferralHeld, ReferralRefused
from tests.referrals.makers import Desk, bundle, patient, request


def task(**changes: Any) -> dict[str, Any]:
    """A Task that asks to fulfill the request it contains."""
    valid = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"code": "fulfill"}]},
        "focus": {"reference": "#asked"},
        "contained": [{**request(contained=None, subject={"reference": "#ana"}), "id": "asked"}, patient()],
    }
    return {name: each for name, each in (valid | changes).items() if each is not None}


def header(**changes: Any) -> dict[str, Any]:
    """The header of a message."""
    return {"resourceType": "MessageHeader", "id": "message-7", "eventCoding": {"code": "I12"}, **changes}


def named(*resources: dict[str, Any], kind: str = "message") -> dict[str, Any]:
    """A Bundle whose entries have no requests."""
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": each} for each in resources]}


async def test_a_task_that_contains_its_request_is_a_referral(small: Desk) -> None:
    answer = await small.refer(task(), path="/fhir/Task")
    again = await small.refer(task(), path="/fhir/Task")

    assert (answer.status_code, again.status_code) == (201, 200)
    (accepted,) = await small.said(ReferralAccepted)
    assert answer.json() == again.json() == await small.task(str(accepted.referral_id))
    assert answer.headers["location"] == f"/fhir/Task/{accepted.referral_id}"
    assert answer.headers["etag"]


async def test_a_task_with_only_one_request_need_not_name_it(small: Desk) -> None:
    assert (await small.refer(task(focus=None), path="/fhir/Task")).status_code == 201


async def test_the_tasks_number_stands_for_one_that_the_request_has_not(small: Desk) -> None:
    asked = {**request(None, contained=None), "id": "asked"}
    body = task(identifier=[{"system": "urn:tasks", "value": "T-1"}], contained=[asked, patient()])

    answer = await small.refer(body, path="/fhir/Task")

    assert answer.json()["identifier"] == [{"system": "urn:tasks", "value": "T-1"}]


async def test_a_task_that_is_cancelled_takes_its_referral_back(small: Desk) -> None:
    await small.refer(task(), path="/fhir/Task")

    answer = await small.refer(task(status="cancelled"), path="/fhir/Task")

    assert answer.json()["status"] == "cancelled"
    assert len(await small.said(ReferralRefused)) == 1


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"contained": []}, "Task.focus"),
        ({"focus": {"reference": "ServiceRequest/elsewhere"}, "contained": [patient()]}, "Task.focus"),
        ({"code": {"coding": [{"code": "make-contact"}]}}, "Task.code"),
        ({"status": "somewhere"}, "Task.status"),
        ({"status": None}, "Task.status"),
        ({"contained": [{"resourceType": "ServiceRequest", "id": "asked"}]}, "Task.contained[0].status"),
    ],
)
async def test_a_task_that_asks_for_no_referral_is_refused_with_the_place(
    small: Desk, changes: dict[str, Any], place: str
) -> None:
    answer = await small.refer(task(**changes), path="/fhir/Task")

    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == [place]


async def test_a_transaction_gives_the_task_beside_its_request_the_address_of_ours(small: Desk) -> None:
    asked = {**request(contained=None, subject={"reference": "Patient/ana"}), "_as": "urn:uuid:asked"}
    body = bundle(patient(), asked, task(contained=None, focus={"reference": "urn:uuid:asked"}))

    answer = await small.refer(body, path="/fhir")

    (accepted,) = await small.said(ReferralAccepted)
    assert [each["response"].get("location") for each in answer.json()["entry"]] == [
        None,
        f"ServiceRequest/{accepted.referral_id}",
        f"Task/{accepted.referral_id}",
    ]


async def test_a_batch_and_a_put_are_taken_as_a_transaction(small: Desk) -> None:
    body = bundle(patient(), request(contained=None, subject={"reference": "Patient/ana"}), type="batch")
    for each in body["entry"]:
        each["request"]["method"] = "PUT"

    answer = await small.refer(body, path="/fhir")

    assert (answer.status_code, answer.json()["type"]) == (200, "batch-response")
    assert len(await small.said(ReferralAccepted)) == 1


async def test_a_message_is_answered_with_the_tasks_to_follow(small: Desk) -> None:
    body = named(header(), patient(), request(contained=None, subject={"reference": "Patient/ana"}))

    answer = await small.refer(body, path="/fhir/$process-message")

    assert answer.status_code == 200, answer.text
    told = [each["resource"] for each in answer.json()["entry"]]
    assert told[0]["response"] == {"identifier": "message-7", "code": "ok"}
    assert (told[1]["resourceType"], told[1]["status"]) == ("Task", "accepted")


async def test_a_message_is_known_by_its_type_wherever_it_is_posted(small: Desk) -> None:
    body = named(header(), patient(), request(contained=None, subject={"reference": "Patient/ana"}))

    assert (await small.refer(body, path="/fhir")).status_code == 200


@pytest.mark.parametrize("kind", ["document", "collection", "searchset", "history"])
async def test_a_bundle_that_asks_for_nothing_is_refused(small: Desk, kind: str) -> None:
    answer = await small.refer(named(patient(), request(), kind=kind), path="/fhir")

    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["Bundle.type"])


async def test_a_draft_asks_for_nothing_yet(small: Desk) -> None:
    answer = await small.refer(request(status="draft"))

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (422, "business-rule")
    assert answer.json()["issue"][0]["expression"] == ["ServiceRequest.status"]


async def test_of_a_request_that_says_it_is_completed_somebody_asks(small: Desk) -> None:
    mine = await small.referred(request(status="completed"))

    assert [each.state for each in await small.said(ReferralHeld)] == ["needs_info"]
    assert "is peer support still asked for?" in (await small.task(mine))["statusReason"]["text"]

    told = await small.ask(
        "POST", f"/referrals/{mine}/details", who="agency", json={"by": "Robin", "still_wanted": True}
    )

    assert told.json()["state"] == "accepted"


async def test_where_it_is_not_wanted_any_more_nobody_is_asked_again(small: Desk) -> None:
    mine = await small.referred(request(status="completed"))

    told = await small.ask(
        "POST", f"/referrals/{mine}/details", who="agency", json={"by": "Robin", "still_wanted": False}
    )

    assert told.json()["state"] == "refused"
    assert (await small.task(mine))["status"] == "rejected"


@pytest.mark.parametrize("status", ["on-hold", "unknown"])
async def test_every_other_status_is_taken_as_active(small: Desk, status: str) -> None:
    assert (await small.task(await small.referred(request(status=status))))["status"] == "accepted"


async def test_says_what_it_can_do_and_does_it(small: Desk) -> None:
    told = (await small.http.get("/fhir/metadata")).json()["rest"][0]

    codes = {each["type"]: {one["code"] for one in each["interaction"]} for each in told["resource"]}
    assert codes["Task"] == {"create", "read", "update", "patch", "search-type"}
    assert codes["ServiceRequest"] == {"create", "read", "search-type"}
    searched = {each["name"] for kind in told["resource"] for each in kind["searchParam"]}
    for name in searched:
        value = "urn:hospital|1" if name == "patient" else "2026-01-01"
        answer = await small.ask("GET", f"/fhir/Task?{name}={value}", headers={"prefer": "handling=lenient"})
        assert answer.status_code == 200, json.dumps(answer.json())
