"""When a message may reach a person."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.rules.timing import Hours, due, is_quiet, last_allowed, next_allowed, plan, zone_of
from tests.notifications.made import NEW_YORK, NINE_TO_EIGHT, NOON, series

ZONES = [
    "America/New_York",
    "America/Phoenix",
    "America/St_Johns",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]
MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
HOURS = st.builds(
    lambda opens, minutes: Hours(opens=time(opens), closes=time((opens * 60 + minutes) // 60, minutes % 60)),
    st.integers(0, 12),
    st.integers(60, 11 * 60),
)


def test_plans_one_confirmation_for_a_series_and_two_reminders_for_each_session() -> None:
    weekly = series(*(NOON + timedelta(days=7 * week, hours=3) for week in range(1, 13)))

    planned = plan(weekly, now=NOON, zone=NEW_YORK, hours=NINE_TO_EIGHT)

    assert [each.kind for each in planned].count("confirmation") == 1
    assert [each.kind for each in planned].count("3d") == 12
    assert [each.kind for each in planned].count("1d") == 12
    assert len({each.reminder_id for each in planned}) == 25


def test_confirms_at_once_and_about_the_first_session() -> None:
    later, sooner = NOON + timedelta(days=9), NOON + timedelta(days=2)
    both = series(later, sooner)

    confirmation = plan(both, now=NOON, zone=NEW_YORK, hours=NINE_TO_EIGHT)[0]

    assert (confirmation.kind, confirmation.due) == ("confirmation", NOON)
    assert confirmation.session_id == both.sessions[1].session_id


def test_confirms_in_the_morning_what_was_booked_at_night() -> None:
    night = datetime(2026, 5, 6, 3, tzinfo=UTC)

    confirmation = plan(series(NOON + timedelta(days=9)), now=night, zone=NEW_YORK, hours=NINE_TO_EIGHT)[0]

    assert confirmation.due == datetime(2026, 5, 6, 13, tzinfo=UTC)


def test_plans_no_reminder_whose_moment_has_passed() -> None:
    in_two_days = series(NOON + timedelta(days=2))

    planned = plan(in_two_days, now=NOON, zone=NEW_YORK, hours=NINE_TO_EIGHT)

    assert [each.kind for each in planned] == ["confirmation", "1d"]


def test_plans_nothing_for_sessions_that_begin_within_the_hour_or_are_over() -> None:
    too_soon = series(NOON + timedelta(minutes=59), NOON - timedelta(days=7))

    assert plan(too_soon, now=NOON, zone=NEW_YORK, hours=NINE_TO_EIGHT) == []


@pytest.mark.parametrize(
    ("local_start", "local_due"),
    [
        ("2026-05-14T15:00", "2026-05-13T15:00"),
        ("2026-05-14T09:00", "2026-05-13T09:00"),
        ("2026-05-14T08:59", "2026-05-12T19:59"),
        ("2026-05-14T20:00", "2026-05-13T19:59"),
        ("2026-05-14T22:30", "2026-05-13T19:59"),
        ("2026-03-09T08:30", "2026-03-07T19:59"),
        ("2026-03-09T10:00", "2026-03-08T10:00"),
        ("2026-11-02T10:00", "2026-11-01T10:00"),
    ],
)
def test_moves_a_reminder_earlier_out_of_quiet_hours(local_start: str, local_due: str) -> None:
    starts = datetime.fromisoformat(local_start).replace(tzinfo=NEW_YORK)

    moment = due(starts, days=1, zone=NEW_YORK, hours=NINE_TO_EIGHT)

    assert moment.astimezone(NEW_YORK).strftime("%Y-%m-%dT%H:%M") == local_due


@settings(max_examples=500)
@given(MOMENTS, st.sampled_from(ZONES), HOURS, st.sampled_from([1, 3]))
def test_no_reminder_falls_due_in_quiet_hours_or_less_than_an_hour_before(
    starts: datetime, name: str, hours: Hours, days: int
) -> None:
    zone = ZoneInfo(name)

    moment = due(starts, days=days, zone=zone, hours=hours)

    assert not is_quiet(moment, zone=zone, hours=hours)
    assert moment <= starts - timedelta(minutes=60)
    assert starts - moment < timedelta(days=days + 2, hours=2)


@settings(max_examples=500)
@given(MOMENTS, st.sampled_from(ZONES), HOURS)
def test_the_allowed_minutes_around_a_moment_are_on_their_sides_of_it(at: datetime, name: str, hours: Hours) -> None:
    zone = ZoneInfo(name)

    before, behind = last_allowed(at, zone=zone, hours=hours), next_allowed(at, zone=zone, hours=hours)

    assert before <= at <= behind
    assert not is_quiet(before, zone=zone, hours=hours)
    assert not is_quiet(behind, zone=zone, hours=hours)


def test_plans_the_same_messages_from_the_same_series_twice() -> None:
    one = series(NOON + timedelta(days=9))

    assert plan(one, now=NOON, zone=NEW_YORK, hours=NINE_TO_EIGHT) == plan(
        one, now=NOON, zone=NEW_YORK, hours=NINE_TO_EIGHT
    )


def test_falls_back_to_the_sites_zone_where_nobody_knows_the_named_one() -> None:
    assert zone_of("Mars/Olympus", "America/New_York") == NEW_YORK
    assert zone_of("../../etc/passwd", "America/New_York") == NEW_YORK
    assert zone_of("", "America/New_York") == NEW_YORK


def test_refuses_hours_in_which_nothing_may_arrive() -> None:
    with pytest.raises(ValueError, match="open before they close"):
        Hours(opens=time(20), closes=time(9))
