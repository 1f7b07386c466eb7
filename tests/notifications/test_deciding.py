"""Whether a message is still wanted at its moment, and what its provider's answer makes of it."""

from datetime import timedelta
from typing import Any

import pytest

from services.notifications.rules.sending import (
    Again,
    Done,
    Elsewhere,
    Later,
    Lost,
    Outcome,
    Reach,
    Send,
    Skip,
    Wait,
    after,
    decide,
    message_key,
    over_cap,
    withdrawn,
)
from tests.notifications.made import LIMITS, NEW_YORK, NOON, person, reminder, session

SMS, MAIL = Reach(channel="sms", address="+12025550143"), Reach(channel="email", address="a@example.org")
NIGHT = NOON + timedelta(hours=9)


def decided(**given: Any) -> Any:
    values: dict[str, Any] = {
        "reminder": reminder(),
        "session": session(),
        "person": person(),
        "sent": [],
        "now": NOON,
        "limits": LIMITS,
    }
    values |= given
    return decide(values.pop("reminder"), values.pop("session"), values.pop("person"), **values)


def test_sends_what_is_wanted_by_the_persons_first_channel() -> None:
    assert decided(person=person(reaches=(MAIL, SMS))) == Send("email")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"session": session(cancelled=True)}, "cancelled"),
        ({"session": session(starts_at=NOON + timedelta(minutes=59))}, "too_late"),
        ({"session": session(starts_at=NOON - timedelta(days=1))}, "too_late"),
        ({"person": None}, "no_consented_channel"),
        ({"person": person(reaches=())}, "no_consented_channel"),
        ({"person": person(reaches=(Reach(channel="voice", address="+12025550143"),))}, "no_consented_channel"),
        ({"person": person(opted_out=True)}, "opted_out"),
        ({"person": person(in_crisis=True)}, "held"),
        ({"person": person(consent_revoked=True)}, "consent_revoked"),
        ({"sent": [NOON - timedelta(hours=1)]}, "cap"),
        ({"reminder": reminder(due=NOON - timedelta(hours=7))}, "too_late"),
        ({"now": NIGHT, "session": session(starts_at=NIGHT + timedelta(days=1))}, "too_late"),
    ],
)
def test_skips_what_is_not_wanted_and_says_why(given: dict[str, Any], why: str) -> None:
    assert decided(**given) == Skip(why)  # type: ignore[arg-type]


def test_a_confirmation_waits_for_contact_data_but_not_for_ever() -> None:
    confirmation = reminder(kind="confirmation", planned_at=NOON)

    assert decided(reminder=confirmation, person=None) == Wait(NOON + timedelta(hours=24))
    assert decided(
        reminder=confirmation,
        person=None,
        now=NOON + timedelta(hours=24),
        session=session(starts_at=NOON + timedelta(days=9)),
    ) == Skip("no_consented_channel")


def test_a_confirmation_that_would_arrive_at_night_waits_for_morning() -> None:
    confirmation = reminder(kind="confirmation", due=NOON)

    found = decided(reminder=confirmation, now=NIGHT, session=session(starts_at=NOON + timedelta(days=9)))

    assert found == Wait(NOON + timedelta(hours=21))


def test_counts_days_and_weeks_as_the_person_lives_them() -> None:
    late_yesterday = NOON - timedelta(hours=13)
    this_week = [NOON - timedelta(days=days) for days in (2, 4, 6)]

    assert not over_cap([late_yesterday], zone=NEW_YORK, now=NOON, limits=LIMITS)
    assert over_cap([NOON - timedelta(hours=11)], zone=NEW_YORK, now=NOON, limits=LIMITS)
    assert over_cap(this_week, zone=NEW_YORK, now=NOON, limits=LIMITS)
    assert not over_cap([*this_week[:2], NOON - timedelta(days=7)], zone=NEW_YORK, now=NOON, limits=LIMITS)


@pytest.mark.parametrize(
    ("outcome", "attempt", "dedups", "expected"),
    [
        ("accepted", 1, False, Done()),
        ("refused", 1, True, Elsewhere("refused")),
        ("unreachable", 1, False, Later(NOON + timedelta(minutes=1))),
        ("unreachable", 3, False, Later(NOON + timedelta(minutes=4))),
        ("unreachable", 6, False, Elsewhere("unreachable")),
        ("unknown", 1, False, Lost("unknown")),
        ("unknown", 1, True, Again(NOON + timedelta(minutes=1))),
        ("unknown", 6, True, Lost("unknown")),
    ],
)
def test_an_answer_decides_what_happens_next(outcome: Outcome, attempt: int, dedups: bool, expected: Any) -> None:
    sending = reminder(state="sending", channel="sms", attempt=attempt)

    assert after(outcome, sending, dedups=dedups, now=NOON, limits=LIMITS) == expected


@pytest.mark.parametrize(
    ("attempt", "dedups", "expected"),
    [(1, True, Again(NOON + timedelta(minutes=1))), (6, True, Lost("unknown")), (1, False, Lost("unknown"))],
)
def test_what_may_have_left_is_never_called_unsent_because_a_later_attempt_got_nowhere(
    attempt: int, dedups: bool, expected: Any
) -> None:
    sending = reminder(state="sending", channel="sms", attempt=attempt, failed="unknown")

    assert after("unreachable", sending, dedups=dedups, now=NOON, limits=LIMITS) == expected


def test_a_refused_message_goes_by_the_next_consented_channel_and_by_no_other() -> None:
    refused = reminder(channel="sms", attempt=1, tried=("sms",), failed="refused")

    assert decided(reminder=refused, person=person(reaches=(SMS, MAIL))) == Send("email")
    assert decided(reminder=refused, person=person(reaches=(SMS,))) == Lost("refused")


def test_a_message_of_unknown_fate_is_repeated_by_the_same_channel_only_while_it_is_wanted() -> None:
    unsure = reminder(state="sending", channel="sms", attempt=1, failed="unknown")

    assert decided(reminder=unsure, person=person(reaches=(MAIL, SMS))) == Send("sms")
    assert decided(reminder=unsure, session=session(cancelled=True)) == Lost("unknown")
    assert decided(reminder=unsure, person=person(opted_out=True)) == Lost("unknown")
    assert decided(reminder=unsure, now=NIGHT, session=session(starts_at=NIGHT + timedelta(days=1))) == Lost("unknown")


def test_is_asked_a_last_time_before_the_provider_is_called() -> None:
    assert withdrawn(session(cancelled=True), person()) == Skip("cancelled")
    assert withdrawn(session(), person(opted_out=True)) == Skip("opted_out")
    assert withdrawn(session(), person()) is None


def test_a_message_has_one_key_for_each_channel_however_often_it_is_tried() -> None:
    one = reminder().reminder_id

    assert message_key(one, "sms") == message_key(one, "sms")
    assert message_key(one, "sms") != message_key(one, "email")
