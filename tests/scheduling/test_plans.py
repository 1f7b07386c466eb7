"""Payers' plans as data: what cannot be used is refused with its place."""

import json
from pathlib import Path

import pytest

from services.scheduling.rules.plans import PlanWrong, read
from tests.scheduling.makers import plan_text


def test_reads_the_plans_that_come_with_the_service():
    plans = read(Path("services/scheduling/plans.json").read_text())

    assert plans.knows("P1-CAROLINA-MCO") and plans.returned_to_insurers("P3-GARDEN-SUD")
    assert plans.hidden() == ["P0-GRANT"]


def test_tolerates_fields_it_does_not_know():
    assert read(plan_text(supervisor_ratio=8, something_new={"a": 1})).knows("P3-GARDEN-SUD")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "$"),
        ("[]", "$"),
        ('{"plans": [7]}', "$.plans[0]"),
        (plan_text(valid_from="soon"), "$.plans[0].valid_from"),
        (plan_text(services=[]), "$.plans[0].services"),
        (plan_text(services=[{"code": "H1", "setting": "group"}]), "$.plans[0].services"),
        (plan_text(services=[{"code": "H1", "rounding": "up"}]), "$.plans[0].services.0.rounding"),
        (plan_text(services=[{"code": "G0140", "unit_basis": "calendar_month_threshold"}]), "$.plans[0].services"),
        (plan_text(limits=[{"scope": "rolling_months", "months": 6, "units": 104}]), "$.plans[0].limits"),
        (plan_text(prior_auth={"mode": "over_day_units"}), "$.plans[0].prior_auth"),
        (
            plan_text(prior_auth={"mode": "after_units", "fiscal_year_start": "July"}),
            "$.plans[0].prior_auth.fiscal_year_start",
        ),
        (plan_text(judged_by_people=[]), "$.plans[0].mutually_exclusive_with"),
        (plan_text(valid_to="2024-01-01"), "$.plans[0].valid_to"),
    ],
)
def test_refuses_what_it_cannot_compute_and_says_where(text, where):
    with pytest.raises(PlanWrong) as refused:
        read(text)

    assert refused.value.where == where and refused.value.remedy


def test_refuses_two_versions_on_one_date():
    twice = json.loads(plan_text())["plans"] + json.loads(plan_text(valid_from="2026-01-01"))["plans"]

    with pytest.raises(PlanWrong, match="two versions"):
        read(json.dumps({"plans": twice}))
