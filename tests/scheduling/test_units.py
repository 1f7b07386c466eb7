"""Minutes to units, as in domain.md 1.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.rules.units import ROUNDINGS, cms8, shares

BANDS = [
    (0, 7, 0),
    (8, 22, 1),
    (23, 37, 2),
    (38, 52, 3),
    (53, 67, 4),
    (68, 82, 5),
    (83, 97, 6),
    (98, 112, 7),
    (113, 127, 8),
    (233, 247, 16),
]


@pytest.mark.parametrize(("first", "last", "units"), BANDS)
def test_counts_units_by_the_eight_minute_table(first, last, units):
    assert {cms8(each) for each in range(first, last + 1)} == {units}
    assert (cms8(last + 1), cms8(first - 1) if first else 0) == (units + 1, max(units - 1, 0))


@pytest.mark.parametrize(
    ("rounding", "total"),
    [("cms8_per_session", 2), ("cms8_daily", 1), ("floor15_daily", 1), ("floor15_per_session", 0)],
)
def test_two_ten_minute_contacts_of_a_day_count_as_the_payer_rounds(rounding, total):
    assert sum(shares([10, 10], rounding=rounding)) == total


@given(st.lists(st.integers(0, 300), max_size=12), st.sampled_from(["cms8_daily", "floor15_daily"]))
def test_shares_of_a_day_add_up_to_the_days_total(minutes, rounding):
    count, _ = ROUNDINGS[rounding]

    found = shares(minutes, rounding=rounding)

    assert sum(found) == count(sum(minutes)) and all(each >= 0 for each in found) and len(found) == len(minutes)
