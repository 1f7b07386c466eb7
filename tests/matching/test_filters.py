"""Each hard filter, by values: who may be asked at all."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.matching.rules.assignment import assign
from services.matching.rules.people import Candidate, Seeker
from services.matching.rules.policy import Policy
from tests.matching.makers import EVERY_DAY, NOON, candidate, seeker

CERTIFIED = {"state": "NY", "number": "1", "valid_to": (NOON + timedelta(days=90)).date()}
EXPIRING = {**CERTIFIED, "valid_to": (NOON + timedelta(days=89)).date()}


def stopped_by(person: Seeker, supporter: Candidate) -> str | None:
    [decision] = assign([person], [supporter], now=NOON, policy=Policy()).decisions
    if decision.supporter_id:
        return None
    return next(name for name in decision.funnel if name not in ("supporters", "possible") and decision.funnel[name])


@pytest.mark.parametrize(
    ("person", "supporter", "why"),
    [
        (seeker(), candidate(), None),
        (seeker(), candidate(active=False), "not_ready"),
        (seeker(), candidate(background_check_valid=False), "not_ready"),
        (seeker(), candidate(paused=True), "on_leave"),
        (seeker(), candidate(capacity=15, held=149), None),
        (seeker(), candidate(capacity=15, held=150), "full"),
        (seeker(), candidate(capacity=0), "full"),
        (seeker(age_band="15-17"), candidate(), "population"),
        (seeker(age_band="15-17"), candidate(youth_cleared=True), None),
        (seeker(age_band="18-25"), candidate(), None),
        (seeker(wants={"languages": ["es"]}), candidate(), "language"),
        (seeker(wants={"languages": ["es", "en"]}), candidate(), None),
        (seeker(wants={"must_gender": "woman"}), candidate(gender="man"), "must_have"),
        (seeker(wants={"must_gender": "woman"}), candidate(), "must_have"),
        (seeker(wants={"must_gender": "female"}), candidate(gender="woman"), None),
        (seeker(wants={"modalities": ["audio"]}), candidate(modalities=["video"]), "no_common_way"),
        (seeker(wants={"modalities": ["in_person"]}), candidate(site_id="west"), "no_common_way"),
        (seeker(wants={"modalities": ["in_person", "audio"]}), candidate(site_id="west"), None),
        (seeker(conflicts=frozenset({UUID(int=1)})), candidate(1), "conflict"),
        (seeker(asked=frozenset({UUID(int=1)})), candidate(1), "asked_before"),
        (seeker(needs={"life_tags": ["suicide_loss"]}), candidate(limits=["suicide_loss"]), "own_limits"),
        (seeker(needs={"challenges": ["grief"]}), candidate(limits=["grief"]), "own_limits"),
        (seeker(funded=True), candidate(), "funding"),
        (seeker(funded=True), candidate(credential=EXPIRING), "funding"),
        (seeker(funded=True), candidate(credential=CERTIFIED, volunteer=True), "funding"),
        (seeker(funded=True), candidate(credential=CERTIFIED), None),
        (seeker(), candidate(volunteer=True), None),
    ],
)
def test_lets_pass_only_who_may_be_asked(person: Seeker, supporter: Candidate, why: str | None) -> None:
    assert stopped_by(person, supporter) == why


def test_an_interpreter_replaces_a_common_language_only_where_the_person_accepts_one() -> None:
    willing = seeker(wants={"languages": ["vi"], "interpreter_ok": True})

    assert stopped_by(willing, candidate()) is None


def window(weekday: int, start: str, end: str) -> dict[str, Any]:
    return {"weekday": weekday, "start": start, "end": end}


@pytest.mark.parametrize(
    ("theirs", "ours", "meets"),
    [
        ([window(1, "10:00", "11:00")], [window(1, "10:00", "11:00")], True),
        ([window(1, "10:00", "11:00")], [window(1, "10:15", "11:15")], False),
        ([window(1, "10:00", "11:00")], [window(2, "10:00", "11:00")], False),
        ([window(1, "10:00", "10:30"), window(1, "10:30", "11:00")], [window(1, "09:00", "12:00")], True),
        ([window(1, "10:00", "10:59")], EVERY_DAY, False),
        ([window(6, "22:59", "23:59")], [window(6, "22:00", "23:59")], True),
        ([], [window(6, "18:00", "19:00")], True),
        ([], [window(6, "19:00", "20:00")], False),
    ],
)
def test_they_need_a_common_hour_and_who_does_not_say_has_the_day_from_nine_to_seven(
    theirs: Any, ours: Any, meets: bool
) -> None:
    found = stopped_by(seeker(wants={"windows": theirs}), candidate(windows=ours))

    assert found == (None if meets else "no_common_time")


def test_windows_are_compared_in_the_persons_zone() -> None:
    person = seeker(wants={"windows": [window(0, "12:00", "13:00")]})

    assert stopped_by(person, candidate(windows=[window(0, "09:00", "10:00")], zone="America/Los_Angeles")) is None
    assert stopped_by(person, candidate(windows=[window(0, "12:00", "13:00")], zone="America/Los_Angeles")) is not None


@pytest.mark.parametrize(("until", "why"), [("10:00", "no_fit"), ("11:00", None)])
def test_an_hour_that_the_clock_change_takes_away_within_four_weeks_is_not_common(until: str, why: str | None) -> None:
    before_the_change = NOON.replace(month=10, day=19)
    arizona = candidate(windows=[window(0, "09:00", until)], zone="America/Phoenix")
    person = seeker(wants={"windows": [window(0, "12:00", "13:00")]})

    [decision] = assign([person], [arizona], now=before_the_change, policy=Policy()).decisions

    assert decision.unmet == why


def test_the_funnel_counts_every_supporter_once() -> None:
    staff = [candidate(1), candidate(2, paused=True), candidate(3, held=10), candidate(4, languages=["vi"])]

    [decision] = assign([seeker()], staff, now=NOON, policy=Policy()).decisions

    assert decision.funnel == {
        "supporters": 4, "on_leave": 1, "language": 1, "full": 1, "below_floor": 0, "possible": 1,
    }  # fmt: skip
