"""The times that are offered to the scheduler, and the way two people meet."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as some

from services.matching.rules.slots import common_slots, way_to_meet
from tests.matching.makers import NOON, candidate, seeker

MONDAY = date(2026, 5, 4)


def window(weekday: int, start: str, end: str) -> dict[str, Any]:
    return {"weekday": weekday, "start": start, "end": end}


def slots(theirs: list[Any], ours: list[Any], zone: str = "America/New_York") -> list[tuple[int, str]]:
    person, other = seeker(wants={"windows": theirs}), candidate(windows=ours, zone=zone)
    return [(each.weekday, each.start) for each in common_slots(person, other, now=NOON)]


def test_the_soonest_day_comes_first_and_each_day_once_before_a_second_time() -> None:
    found = slots([], [window(day, "09:00", "12:00") for day in (0, 2, 4)])

    assert found[:6] == [(2, "09:00"), (4, "09:00"), (0, "09:00"), (2, "10:00"), (4, "10:00"), (0, "10:00")]


def test_full_hours_come_before_half_hours_and_those_before_quarters() -> None:
    assert slots([], [window(2, "09:00", "10:45")]) == [(2, "09:00"), (2, "09:30"), (2, "09:15"), (2, "09:45")]


def test_at_least_twelve_times_are_given_where_there_are_as_many() -> None:
    assert len(slots([], [window(day, "09:00", "13:00") for day in (1, 3)])) >= 12


def test_times_are_in_the_persons_zone() -> None:
    assert slots([window(2, "12:00", "14:00")], [window(2, "09:00", "10:00")], "America/Los_Angeles") == [(2, "12:00")]


def test_times_late_in_one_zone_are_the_next_day_in_another() -> None:
    assert slots([window(3, "00:00", "02:00")], [window(2, "22:00", "23:00")], "America/Los_Angeles") == [(3, "01:00")]


def test_they_meet_in_the_first_way_the_person_named_that_both_can() -> None:
    assert way_to_meet(seeker(wants={"modalities": ["audio", "video"]}), candidate()) == "audio"
    assert way_to_meet(seeker(), candidate()) == "in_person"
    assert way_to_meet(seeker(), candidate(site_id="west")) == "video"


@given(
    some.lists(some.tuples(some.integers(0, 6), some.integers(0, 22), some.integers(1, 6)), max_size=6),
    some.sampled_from(["America/New_York", "America/Los_Angeles", "America/Phoenix", "Asia/Kolkata"]),
)
def test_a_time_is_always_inside_both_peoples_hours(hours: list[tuple[int, int, int]], zone: str) -> None:
    ours = [window(day, f"{start:02}:00", f"{min(start + length, 23):02}:30") for day, start, length in hours]
    ours = ours or [window(0, "00:00", "23:00")]

    for weekday, start in slots([], ours, zone):
        begins = datetime.combine(
            MONDAY + timedelta(days=weekday), time.fromisoformat(start), ZoneInfo("America/New_York")
        )
        assert "09:00" <= start <= "18:00"
        for minutes in (0, 15, 30, 45):
            at = (begins + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone))
            covering = [each for each in ours if each["start"] <= f"{at:%H:%M}" < each["end"]]
            assert at.weekday() in {each["weekday"] for each in covering}
