"""docs/referring.md is true to the code: every error it shows is what one gets, every state and extension is told."""

import json
from typing import Any

import pytest

from services.referrals.fhir.subscriptions import (
    LEAST_HEARTBEAT,
    LONGEST_HEARTBEAT,
    LONGEST_TIMEOUT,
    MOST_EVENTS,
    MOST_HEADERS,
    TOPIC,
    USUAL_TIMEOUT,
)
from services.referrals.fhir.wishes import LISTS, SINGLES
from services.referrals.rules.seeing import SENTENCES
from services.referrals.rules.subscriptions import AT_MOST, GONE, PAUSES
from tests.demos import ROOT
from tests.docs.pages import rows_of
from tests.referrals.makers import BASE, Desk

PAGE = (ROOT / "docs" / "referring.md").read_text()
EXTENSIONS = (ROOT / "docs" / "fhir-extensions.md").read_text()
GOOD: dict[str, Any] = json.loads((ROOT / "docs" / "examples" / "service-request.json").read_text())


def spoiled(**changes: Any) -> bytes:
    """The example with something changed; None takes an element away."""
    return json.dumps({name: each for name, each in {**GOOD, **changes}.items() if each is not None}).encode()


def extended(name: str, **value: Any) -> bytes:
    """The example with one extension."""
    return spoiled(extension=[{"url": BASE + name, **value}])


WRONG: dict[str, bytes] = {
    "not JSON": b'{"resourceType": "ServiceRequest",',
    "a member twice": b'{"id": "1", "id": "1"}',
    "NaN or Infinity": b'{"id": NaN}',
    "half a surrogate pair": b'{"id": "\\ud800"}',
    "a control character": b'{"id": "\\u0000"}',
    "not UTF-8": b'{"id": "\xff"}',
    "nested too deep": b"[" * 40 + b"]" * 40,
    "a number beyond 64 bits": b'{"id": 123456789012345678901234}',
    "no object": b"[]",
    "too large": spoiled(note=[{"text": "x" * 70_000}]),
    "another resource": b'{"resourceType": "Appointment"}',
    "an element is missing": spoiled(intent=None),
    "too many of a kind": spoiled(reasonCode=[{}] * 101),
    "an unknown code": spoiled(priority={"very": "urgent"}),
    "no patient": spoiled(contained=[]),
    "two resources with one id": spoiled(contained=GOOD["contained"] * 2),
    "another word for risk": extended("risk", valueCode="maybe"),
    "an extension's value": extended("preference-window", valueString="evenings"),
    "a time without zone": spoiled(authoredOn="2026-02-03T10:00:00"),
    "what is not to be done": spoiled(doNotPerform=True),
    "what changes the meaning of the rest": spoiled(modifierExtension=[{"url": "urn:not"}]),
    "an unknown site": extended("site", valueCode="nowhere"),
}
SUBSCRIPTION: dict[str, Any] = json.loads((ROOT / "docs" / "examples" / "subscription.json").read_text())
ELSEWHERE = ("another content type", "an unknown caller", "a suspended organisation", "another's, or unknown")


def said(answer: Any) -> list[str]:
    """What an answer says, as the table has it."""
    issue = answer.json()["issue"][0]
    return [str(answer.status_code), issue["code"], issue["diagnostics"]]


@pytest.mark.parametrize("what", WRONG)
async def test_every_error_is_answered_as_the_page_says(desk: Desk, what: str) -> None:
    headers = {"Authorization": "Bearer general-hospital-key", "Content-Type": "application/fhir+json"}

    answer = await desk.http.post("/fhir/ServiceRequest", content=WRONG[what], headers=headers)

    assert said(answer) == rows_of(PAGE)[what]


async def test_callers_and_addresses_are_refused_as_the_page_says(desk: Desk) -> None:
    known = {"Authorization": "Bearer general-hospital-key", "Content-Type": "text/plain"}
    nobody = "00000000-0000-0000-0000-000000000000"

    typed = await desk.http.post("/fhir/ServiceRequest", content=spoiled(), headers=known)
    stranger = await desk.http.get(f"/fhir/Task/{nobody}", headers={"Authorization": "Bearer nobody"})
    missing = await desk.http.get(f"/fhir/Task/{nobody}", headers=known)
    organisations = desk.service.programme.organisations
    suspended = organisations["general-hospital"].model_copy(update={"suspended": True})
    organisations["general-hospital"] = suspended
    barred = await desk.http.get(f"/fhir/Task/{nobody}", headers=known)

    assert [said(each) for each in (typed, stranger, barred, missing)] == [rows_of(PAGE)[each] for each in ELSEWHERE]


async def test_the_subscription_that_the_page_shows_is_taken_as_it_stands(desk: Desk) -> None:
    headers = {"Authorization": "Bearer general-hospital-key", "Content-Type": "application/fhir+json"}

    answer = await desk.http.post("/fhir/Subscription", content=json.dumps(SUBSCRIPTION), headers=headers)

    assert answer.status_code == 201
    assert answer.json()["criteria"] == TOPIC and f"`{TOPIC}`" in PAGE


def test_the_page_tells_when_subscribers_are_called_again_and_how_many_there_may_be() -> None:
    assert [each.total_seconds() for each in PAUSES] == [10, 30, 120, 600, 1800, 3600]
    assert "after 10 s, 30 s, 2, 10 and 30 minutes, then every hour" in PAGE
    assert GONE.total_seconds() == 72 * 3600 and "After 72 hours" in PAGE
    assert (AT_MOST, MOST_HEADERS) == (10, 10) and "You have ten at\n  most" in PAGE and "up to ten headers" in PAGE
    assert (USUAL_TIMEOUT, LONGEST_TIMEOUT, MOST_EVENTS) == (5, 10, 100) and "(5 s, 10 at most)" in PAGE
    assert (LEAST_HEARTBEAT, LONGEST_HEARTBEAT) == (60, 86_400) and "(60 s to a day)" in PAGE


def test_the_page_shows_no_error_that_nobody_tries() -> None:
    assert sorted(rows_of(PAGE)) == sorted([*WRONG, *ELSEWHERE])


def test_every_state_a_referrer_may_see_is_told() -> None:
    assert [each for each in SENTENCES if f"`{each}`" not in PAGE] == []


def test_every_extension_is_told() -> None:
    assert [each for each in (*LISTS, *SINGLES) if f"`{each}`" not in EXTENSIONS] == []
