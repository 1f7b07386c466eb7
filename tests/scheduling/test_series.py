"""How a match becomes meetings, in local time."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.rules.series import Rhythm, booked, occurrence, plans, seat_id, session_id
from shared.events.matching import Slot
from tests.scheduling.makers import NOW, an_id, match

WEEKLY = Rhythm()
ZONES = ("America/New_York", "America/Phoenix", "America/Chicago", "Europe/London", "Australia/Lord_Howe")

wall = datetime.fromisoformat


def best(*, now=NOW, rhythm=WEEKLY, **changes):
    return next(plans(match(**changes), now=now, rhythm=rhythm))


def test_begins_soon_and_goes_on_weekly():
    meetings = best(slots=[Slot(weekday=3, start="15:00"), Slot(weekday=1, start="10:00")])

    first, second, *_ = meetings
    assert [each.local.isoformat() for each in (first, second)] == ["2026-03-05T15:00:00", "2026-03-12T15:00:00"]
    assert [each.ends_at - each.starts_at for each in (first, second)] == [timedelta(minutes=60), timedelta(minutes=50)]
    assert len(meetings) == 12 and all(each.local.weekday() == 3 for each in meetings)


def test_takes_another_slot_for_the_first_meeting_when_that_is_sooner():
    first, second, *_ = best(slots=[Slot(weekday=0, start="09:00"), Slot(weekday=3, start="15:00")])

    assert (first.local, second.local) == (wall("2026-03-05T15:00"), wall("2026-03-09T09:00"))


def test_leaves_a_day_before_the_first_meeting_unless_it_is_urgent():
    slots = [Slot(weekday=0, start="15:00")]

    routine, urgent = best(slots=slots)[0], best(slots=slots, urgency="urgent")[0]

    assert (routine.local.date(), urgent.local.date()) == (date(2026, 3, 9), date(2026, 3, 2))


def test_tries_every_slot_as_the_rhythm_in_the_given_order():
    slots = [Slot(weekday=0, start="09:00"), Slot(weekday=3, start="15:00")]

    tried = [
        (each[0].local.weekday(), each[1].local.weekday()) for each in plans(match(slots=slots), now=NOW, rhythm=WEEKLY)
    ]

    assert tried == [(3, 0), (0, 0), (3, 3)]


def test_skips_holidays_and_gets_longer():
    thursdays = {date(2026, 3, 5), date(2026, 3, 19)}

    meetings = best(rhythm=Rhythm(holidays=frozenset(thursdays)))

    days = [each.local.date() for each in meetings]
    assert len(days) == 12 and not thursdays & set(days) and days[-1] == date(2026, 6, 4)


def test_has_nothing_to_try_without_slots():
    assert list(plans(match(slots=[]), now=NOW, rhythm=WEEKLY)) == []


def test_keeps_the_wall_time_when_the_clocks_change():
    meetings = best(slots=[Slot(weekday=6, start="10:00")], now=datetime(2026, 2, 27, tzinfo=UTC))

    assert [each.starts_at.hour for each in meetings[:2]] == [15, 14]
    assert {each.local.strftime("%H:%M") for each in meetings} == {"10:00"}


@pytest.mark.parametrize(
    ("zone", "told", "instant", "shown"),
    [
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:30+00:00", "03:30"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30+00:00", "01:30"),
        ("America/Chicago", "2026-03-08T02:30", "2026-03-08T08:30+00:00", "03:30"),
        ("America/Phoenix", "2026-03-08T02:30", "2026-03-08T09:30+00:00", "02:30"),
        ("Europe/London", "2026-03-29T01:30", "2026-03-29T01:30+00:00", "02:30"),
        ("Europe/London", "2026-10-25T01:30", "2026-10-25T00:30+00:00", "01:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:45+00:00", "02:45"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45+00:00", "01:45"),
    ],
)
def test_moves_out_of_gaps_and_takes_the_first_of_a_fold(zone, told, instant, shown):
    found = occurrence(datetime.fromisoformat(told), zone=zone, minutes=50)

    assert found.starts_at == datetime.fromisoformat(instant)
    assert found.local.strftime("%H:%M") == shown
    assert found.ends_at - found.starts_at == timedelta(minutes=50)


def test_names_an_occurrence_by_the_time_it_was_planned_for_even_in_a_gap():
    said = booked(
        match(), [occurrence(wall("2026-03-08T02:30"), zone="America/New_York", minutes=50)], public_name=None
    )

    (one,) = said.sessions
    assert one.session_id == session_id(said.series_id, wall("2026-03-08T02:30"))
    assert one.seat_id == seat_id(one.session_id, an_id("ana")) and one.local_start == "2026-03-08T03:30"


@given(
    zone=st.sampled_from(ZONES),
    slots=st.lists(
        st.builds(Slot, weekday=st.integers(0, 6), start=st.times().map(lambda each: each.strftime("%H:%M"))),
        min_size=1,
        max_size=3,
    ),
    now=st.datetimes(wall("2025-01-01"), wall("2028-01-01")).map(lambda each: each.replace(tzinfo=UTC)),
    urgency=st.sampled_from(["routine", "urgent"]),
)
def test_any_series_is_whole_in_order_and_never_too_soon(zone, slots, now, urgency):
    holidays = frozenset({now.date() + timedelta(days=each) for each in (3, 10)})

    for meetings in islice(
        plans(match(zone=zone, slots=slots, urgency=urgency), now=now, rhythm=Rhythm(holidays=holidays)), 6
    ):
        assert len(meetings) == 12 and len({each.original for each in meetings}) == 12
        assert all(before.ends_at < after.starts_at for before, after in pairwise(meetings))
        assert meetings[0].starts_at >= now + timedelta(days=urgency == "routine")
        assert all(each.local.date() not in holidays for each in meetings)
        assert all(each.starts_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == each.local for each in meetings)
