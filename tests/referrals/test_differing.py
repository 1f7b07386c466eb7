"""Whoever judges a changed referral reads in what it differs."""

from typing import Any

import pytest

from services.referrals.rules.differing import differences
from tests.referrals.makers import Desk, order, patient, person, request

REACHES = [{"channel": "sms", "address": "+12125550188"}]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"person": person(reaches=REACHES)}, ["person reaches: also sms +12125550188; no longer sms +12125550123"]),
        ({"person": person(birth_date="1990-06-05")}, ["person birth date: 1990-05-06, now 1990-06-05"]),
        ({"person": person(family_name="Example")}, ["person family name: nothing, now Example"]),
        ({"urgency": "urgent"}, ["urgency: routine, now urgent"]),
        ({"part2": True}, ["part2: no, now yes"]),
        ({"cover": {"payer": "garden", "member_id": "G-1"}}, ["cover: nothing, now garden G-1"]),
        ({"needs": {"challenges": ["anxiety"]}}, ["needs challenges: also anxiety"]),
        (
            {"consents": [{"recipients": ["referrer"], "part2": True}]},
            ["consents: also referrer treatment part2"],
        ),
        ({"authored_at": "2026-03-02T10:00:00Z", "discharged_on": "2026-03-09", "notes": ["hello"]}, []),
    ],
)
def test_each_member_that_says_something_else_is_a_line(changes: dict[str, Any], told: list[str]) -> None:
    assert differences(order(), order(**changes)) == told


def test_ways_to_reach_somebody_that_only_come_in_another_order_are_told_so() -> None:
    ways = [REACHES[0], {"channel": "email", "address": "ana@example.org"}]

    told = differences(order(person=person(reaches=ways)), order(person=person(reaches=ways[::-1])))

    assert told == ["person reaches: in another order"]


def test_none_left_of_what_was_authorised_is_told_as_a_number() -> None:
    five, none = ({"cover": {"payer": "garden", "member_id": "G-1", "authorised_units": each}} for each in (5, 0))

    assert differences(order(**five), order(**none)) == ["cover authorised units: 5, now 0"]


def test_a_withdrawal_differs_only_in_what_it_says() -> None:
    known = order(
        urgency="urgent",
        part2=True,
        needs={"challenges": ["ptsd"]},
        preferences={"languages": ["es"]},
        consents=[{}],
        person=person(identifiers=[{"value": "M-1"}]),
    )
    back = order(status="withdrawn", risk=None, person={"birth_date": "1990-06-05"})

    assert differences(known, known.model_copy(update={"status": "withdrawn"})) == ["status: active, now withdrawn"]
    assert differences(known, back) == [
        "status: active, now withdrawn",
        "person birth date: 1990-05-06, now 1990-06-05",
    ]


async def test_a_new_number_in_a_repeat_is_put_before_the_person_who_judges_it(desk: Desk) -> None:
    await desk.referred(request())
    phone = [{"system": "phone", "value": "+12125550188", "use": "mobile"}]

    await desk.refer(request(contained=[patient(telecom=phone)], note=[{"text": "She has a new phone."}]))

    (task,) = await desk.work()
    assert (task.note or "").splitlines() == [
        "person reaches: also sms +12125550188; no longer sms +12125550123",
        "Risk: none.",
        "She has a new phone.",
    ]
