"""A withdrawal means a referral of the same number only where nothing contradicts that."""

from typing import Any

import pytest

from services.referrals.rules.numbers import may_mean
from services.referrals.rules.order import ReferralOrder
from tests.referrals.makers import order, person

MRN = "urn:hospital:mrn"


def numbered(system: str, namespace: str = "", **who: Any) -> ReferralOrder:
    """A referral with a number of some giver."""
    return order(identifier={"system": system, "value": "R-1"}, namespace=namespace, person=who)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("", ""), ("", ""), True),
        (("", ""), ("EPIC", ""), True),
        (("EPIC", ""), ("epic", ""), True),
        (("EPIC", ""), ("LAB", ""), False),
        (("EPIC", ""), ("urn:oid:1.2.3", ""), True),
        (("EPIC", ""), ("urn:oid:1.2.3", "EPIC"), True),
        (("LAB", ""), ("urn:oid:1.2.3", "EPIC"), False),
        (("1.2.3", ""), ("urn:oid:1.2.3", "EPIC"), True),
        (("urn:oid:1.2.3", ""), ("urn:oid:1.2.4", ""), False),
        (("urn:hospital", ""), ("urn:hospital:orders", ""), False),
        (("urn:oid:1.2.3", "LAB"), ("urn:oid:1.2.3", "EPIC"), False),
    ],
)
def test_who_gave_a_number_may_be_told_in_part_but_not_otherwise(
    one: tuple[str, str], other: tuple[str, str], expected: bool
) -> None:
    assert may_mean(numbered(*one), numbered(*other)) is expected
    assert may_mean(numbered(*other), numbered(*one)) is expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ({}, True),
        (person(), True),
        ({"identifiers": [{"system": MRN, "value": "M-1"}], "birth_date": "1980-01-01"}, True),
        ({"identifiers": [{"system": MRN, "value": "M-2"}]}, False),
        ({"identifiers": [{"system": "urn:county", "value": "M-2"}]}, True),
        ({"birth_date": "1980-01-01"}, False),
        ({"first_name": "ANA", "family_name": "Example-Smith"}, False),
        ({"first_name": "ANA", "family_name": "Example-Smith", "birth_date": "1990-05-06"}, True),
        ({"first_name": "Bea", "family_name": "Other"}, False),
    ],
)
def test_whom_it_is_about_may_be_left_out_but_be_nobody_else(who: dict[str, Any], expected: bool) -> None:
    known = numbered("EPIC", **person(family_name="Example"))

    assert may_mean(numbered("EPIC", **who), known) is expected


def test_without_a_number_nothing_is_meant() -> None:
    assert not may_mean(order(identifier=None), order())
    assert not may_mean(order(), order(identifier=None))
