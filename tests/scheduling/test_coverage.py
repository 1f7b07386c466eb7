"""What is covered of what was delivered, and every reason for the rest."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.rules.coverage import judge
from services.scheduling.rules.plans import read
from services.scheduling.rules.seats import Standing
from services.scheduling.rules.units import cms8
from tests.scheduling.makers import NOW, carolina, delivered, membership, plan_text, plans

PLANS = read(Path("services/scheduling/plans.json").read_text())
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def one(seat, using=PLANS):
    (found,) = judge([seat], using)
    return found


def in_order(seats, using=PLANS):
    found = {each.seat_id: each for each in judge(seats, using)}
    return [found[each.seat_id] for each in seats]


def test_covers_a_held_signed_session_in_full():
    found = one(delivered(minutes=50))

    assert (found.units_delivered, found.units_covered, found.reasons) == (3, 3, [])
    assert (found.code, found.modifiers, found.place_of_service) == ("H0038", ("HF",), "11")
    assert found.rule_version == "P3-GARDEN-SUD@2025-01-01" and found.service_date == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outcome": "no_show", "minutes": 0}, "NO_SHOW"),
        ({"outcome": "cancelled_person", "minutes": 0}, "NOT_HELD"),
        ({"note_status": "none"}, "NO_NOTE"),
        ({"note_status": "draft"}, "NOTE_UNSIGNED"),
        ({"minutes": 7}, "UNDER_MIN_TIME"),
        ({"supporter": Standing()}, "OUT_OF_NETWORK"),
        ({"coverage": membership(covered_to=date(2026, 3, 1))}, "NOT_ELIGIBLE_ON_DOS"),
        ({"coverage": membership(covered_from=date(2026, 3, 3))}, "NOT_ELIGIBLE_ON_DOS"),
        ({"coverage": membership(plan_id="P9-UNKNOWN")}, "NOT_ELIGIBLE_ON_DOS"),
        ({"started_at": datetime(2024, 12, 31, 12, tzinfo=UTC)}, "NOT_ELIGIBLE_ON_DOS"),
        ({"coverage": membership(birth_date=date(2008, 3, 3))}, "AGE"),
        ({"coverage": membership(diagnosis_class="mh")}, "DX_CLASS"),
        ({"coverage": membership(diagnosis_class=None)}, "DX_CLASS"),
        ({"coverage": membership(restricted=True)}, "MEMBER_RESTRICTED"),
        ({"coverage": carolina(ordered_on=None)}, "NO_ORDER"),
        ({"coverage": carolina(ordered_on=date(2026, 3, 3))}, "NO_ORDER"),
    ],
)
def test_says_why_nothing_is_covered(changes, reason):
    found = one(delivered(**changes))

    assert found.units_covered == 0 and reason in found.denied


@pytest.mark.parametrize(
    ("terms", "changes", "reason"),
    [
        ({"telehealth": {"video": {"allowed": False}}}, {"modality": "video"}, "MODALITY_NOT_ALLOWED"),
        ({"telehealth": {}}, {"modality": "audio"}, "MODALITY_NOT_ALLOWED"),
        ({"credential_required": "state_certified"}, {}, "CREDENTIAL"),
        (
            {"credential_required": "state_certified"},
            {"supporter": Standing(networks=frozenset({"garden"}), credential="CPS-1", credential_to=date(2026, 3, 1))},
            "CREDENTIAL",
        ),
        (
            {"volunteer_delivered_excluded": True},
            {"supporter": Standing(networks=frozenset({"garden"}), volunteer=True)},
            "VOLUNTEER",
        ),
        ({"prior_auth": {"mode": "always"}}, {}, "NO_AUTH"),
    ],
)
def test_says_why_under_other_terms(terms, changes, reason):
    found = one(delivered(**changes), plans(**terms))

    assert (found.units_covered, found.reasons) == (0, [reason])


def test_names_every_reason_not_only_the_first():
    seat = delivered(
        note_status="none", supporter=Standing(), coverage=membership(birth_date=date(2015, 1, 1), diagnosis_class="mh")
    )

    assert one(seat).reasons == ["AGE", "DX_CLASS", "NO_NOTE", "OUT_OF_NETWORK"]


def test_adds_the_modifier_of_the_modality():
    assert one(delivered(modality="video")).modifiers == ("HF", "95")


def test_covers_up_to_the_cap_of_a_day_and_says_what_is_over_it():
    found = one(delivered(minutes=300))

    assert (found.units_delivered, found.units_covered, found.denied) == (20, 16, {"DAY_CAP": 4})


def test_a_late_entry_of_an_earlier_session_uses_up_the_cap():
    later = delivered(minutes=180, started_at=NOW + 4 * HOUR)
    alone = in_order([later])
    earlier = delivered(minutes=120, started_at=NOW)

    both = in_order([later, earlier])

    assert [each.units_covered for each in alone] == [12]
    assert [(each.units_covered, each.denied) for each in both] == [(8, {"DAY_CAP": 4}), (8, {})]


def test_two_short_contacts_of_a_day_make_one_unit():
    found = in_order([delivered(minutes=10), delivered(minutes=10, started_at=NOW + HOUR)])

    assert [(each.units_covered, each.reasons) for each in found] == [(1, []), (0, ["UNDER_MIN_TIME"])]


def test_minutes_without_a_note_take_no_unit_from_those_with_one():
    found = in_order([delivered(minutes=10, note_status="none"), delivered(minutes=10, started_at=NOW + HOUR)])

    assert [(each.units_delivered, each.units_covered) for each in found] == [(0, 0), (1, 1)]


def test_free_units_end_in_the_middle_of_a_session():
    seats = [delivered(coverage=carolina(), minutes=75, started_at=NOW + each * DAY) for each in range(6)]

    found = in_order(seats)

    assert [each.units_covered for each in found] == [5, 5, 5, 5, 4, 0]
    assert (found[4].denied, found[5].denied) == ({"NO_AUTH": 1}, {"NO_AUTH": 5})


def test_an_authorisation_goes_on_where_the_free_units_end():
    whose = carolina(authorisation="A-77", authorised_units=3)
    seats = [delivered(coverage=whose, minutes=75, started_at=NOW + each * DAY) for each in range(6)]

    found = in_order(seats)

    assert [each.units_covered for each in found] == [5, 5, 5, 5, 5, 2]
    assert found[5].denied == {"AUTH_UNITS_EXHAUSTED": 3}
    assert [each.authorised_left for each in found] == [3, 3, 3, 3, 2, 0]


def test_free_units_begin_anew_with_the_fiscal_year():
    june, july = datetime(2026, 6, 30, 16, tzinfo=UTC), datetime(2026, 7, 1, 16, tzinfo=UTC)

    found = in_order([delivered(coverage=carolina(), minutes=375, started_at=each) for each in (june, july)])

    assert [(each.units_covered, each.denied) for each in found] == [(24, {"NO_AUTH": 1})] * 2


def test_counts_limits_for_the_member_and_not_for_others():
    other = membership(member_id="G-2")

    found = in_order(
        [
            delivered(minutes=240),
            delivered(minutes=240, coverage=other),
            delivered(minutes=15, started_at=NOW + 5 * HOUR),
        ]
    )

    assert [each.units_covered for each in found] == [16, 16, 0]


def test_splits_a_session_at_local_midnight():
    late = datetime(2026, 3, 3, 4, 30, tzinfo=UTC)

    found = one(delivered(minutes=300, started_at=late), plans(limits=[{"scope": "day", "units": 4}]))

    assert (found.service_date, found.units_delivered, found.units_covered) == (date(2026, 3, 2), 20, 6)
    assert found.denied == {"DAY_CAP": 14}


def test_the_date_of_service_is_local():
    evening = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)

    found = [
        one(delivered(started_at=evening, zone=zone)).service_date.day for zone in ("America/New_York", "Europe/London")
    ]

    assert found == [2, 3]


def test_a_decision_is_made_by_the_version_in_force_on_the_date():
    old = json.loads(plan_text(valid_to="2026-03-02"))["plans"]
    new = json.loads(plan_text(valid_from="2026-03-03", limits=[{"scope": "day", "units": 1}]))["plans"]

    found = in_order([delivered(), delivered(started_at=NOW + DAY)], read(json.dumps({"plans": old + new})))

    assert [(each.units_covered, each.rule_version) for each in found] == [
        (3, "P3-GARDEN-SUD@2025-01-01"),
        (1, "P3-GARDEN-SUD@2026-03-03"),
    ]


def test_a_grant_counts_no_units():
    found = one(delivered(coverage=membership(plan_id="P0-GRANT")))

    assert (found.units_delivered, found.reasons, found.code) == (0, [], None)


HISTORY = st.lists(
    st.fixed_dictionaries(
        {
            "seat_id": st.uuids(version=4),
            "outcome": st.sampled_from(["attended", "attended", "attended_partial", "no_show", "cancelled_person"]),
            "started_at": st.integers(0, 60 * 24 * 4).map(lambda each: NOW + timedelta(minutes=each)),
            "minutes": st.integers(1, 260),
            "note_status": st.sampled_from(["signed", "signed", "draft", "none"]),
            "coverage": st.sampled_from(
                [membership(), carolina(authorisation="A", authorised_units=9), carolina(member_id="C-2")]
            ),
        }
    ),
    max_size=10,
    unique_by=lambda each: UUID(str(each["seat_id"])),
)


@given(HISTORY, st.randoms(use_true_random=False))
def test_any_history_adds_up_and_its_order_of_arrival_does_not_matter(history, chance):
    seats = [delivered(**each, supporter=Standing(networks=frozenset({"garden", "carolina"}))) for each in history]
    shuffled = chance.sample(seats, len(seats))

    found = judge(seats, PLANS)

    assert {each.seat_id: each for each in found} == {each.seat_id: each for each in judge(shuffled, PLANS)}
    assert {each.seat_id for each in found} == {each.seat_id for each in seats}
    assert all(0 <= each.units_covered <= each.units_delivered for each in found)
    assert all(
        bool(each.denied) == (each.units_covered < each.units_delivered or not each.units_delivered) for each in found
    )
    assert all(
        max(each.denied.values(), default=0) <= each.units_not_covered <= sum(each.denied.values()) for each in found
    )


@given(st.lists(st.integers(1, 120), min_size=1, max_size=8))
def test_a_days_units_are_the_units_of_the_days_minutes(minutes):
    seats = [
        delivered(minutes=each, started_at=NOW + index * timedelta(minutes=1)) for index, each in enumerate(minutes)
    ]

    found = judge(seats, PLANS)

    short_of_midnight = sum(minutes) and all(each.service_date == date(2026, 3, 2) for each in found)
    assert short_of_midnight and sum(each.units_delivered for each in found) == cms8(sum(minutes))
    assert sum(each.units_covered for each in found) == min(16, cms8(sum(minutes)))
