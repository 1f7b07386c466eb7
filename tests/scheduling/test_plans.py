"""Payers' plans as data: what cannot be used is refused with its place."""

import json
from pathlib import Path

import pytest

from services.scheduling.rules.plans import PlanWrong, read
from tests.scheduling.makers import plan_text

SYNTHETIC = Path(__file__).parents[3] / "shared/data/payer_plans.json"
"""Eight plans modelled on real ones, where they lie beside the project."""
AFTER_UNITS = {"mode": "after_units", "free_units": 24, "window": "fiscal_year", "fiscal_year_start": "07-01"}


def test_reads_the_plans_that_come_with_the_service():
    plans = read(Path("services/scheduling/plans.json").read_text())

    assert plans.knows("P1-CAROLINA-MCO") and plans.returned_to_insurers("P3-GARDEN-SUD")
    assert plans.hidden() == ["P0-GRANT"]


def test_passes_over_what_only_describes_a_plan_and_what_people_judge():
    group = {"code": "H1", "setting": "group", "group_max_total": 12}
    notes = {"line": "commercial", "modelled_on": "somebody", "unverified": ["age_min"], "_note": "synthetic"}
    judged = {"supervisor_ratio": 8, "judged_by_people": ["supervisor_ratio", "mutually_exclusive_with"]}

    assert read(plan_text(services=[{"code": "H1"}, group], **notes, **judged)).knows("P3-GARDEN-SUD")


@pytest.mark.skipif(not SYNTHETIC.exists(), reason="the synthetic plans are not beside the project")
def test_refuses_all_that_is_not_computed_of_the_plans_found_in_the_field():
    loads, where = set(), {}

    for plan in json.loads(SYNTHETIC.read_text())["plans"]:
        try:
            read(json.dumps({"plans": [plan]}))
            loads.add(plan["plan_id"])
        except PlanWrong as refused:
            where[plan["plan_id"]] = refused.where.removeprefix("$.plans[0].")

    assert loads == {"P0-GRANT"}
    assert where == {
        "P1-CAROLINA-MCO": "prior_auth.window",
        "P2-COMMONWEALTH-SUD": "limits.1.scope",
        "P3-GARDEN-SUD": "mutually_exclusive_with",
        "P4-LONESTAR": "prior_auth.mode",
        "P5-BUCKEYE": "prior_auth.mode",
        "P6-MEDICARE-PINPS": "services.0.unit_basis",
        "P7-SUMMIT-COMMERCIAL": "limits.0.scope",
    }


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
        (plan_text(services=[{"code": "G0140", "unit_basis": "monthly"}]), "$.plans[0].services.0.unit_basis"),
        (plan_text(services=[{"code": "H1"}, {"code": "H2"}]), "$.plans[0].services"),
        (plan_text(services=[{"code": "H1", "requires": "H2"}]), "$.plans[0].services.0.requires"),
        (plan_text(services=[{"code": None}]), "$.plans[0].services.0"),
        (plan_text(services=[{"code": "H1", "unit_basis": "minutes_actual"}]), "$.plans[0].services.0"),
        (plan_text(limits=[{"scope": "rolling_months", "units": 104}]), "$.plans[0].limits.0.scope"),
        (plan_text(limits=[{"scope": "day", "units": 4, "months": 6}]), "$.plans[0].limits.0.months"),
        (plan_text(limits=[{"scope": "day", "units": "per_auth"}]), "$.plans[0].limits.0"),
        (plan_text(limits=[{"scope": "authorization", "units": 10}]), "$.plans[0].limits.0"),
        (plan_text(limits=[{"scope": "authorization", "units": "per_auth"}]), "$.plans[0].limits"),
        (plan_text(prior_auth={"mode": "over_day_units"}), "$.plans[0].prior_auth.mode"),
        (plan_text(prior_auth={"mode": "always", "free_units": 24}), "$.plans[0].prior_auth"),
        (plan_text(prior_auth={"mode": "after_units", "free_units": 24}), "$.plans[0].prior_auth"),
        (plan_text(prior_auth={**AFTER_UNITS, "window": "episode"}), "$.plans[0].prior_auth.window"),
        (
            plan_text(prior_auth={**AFTER_UNITS, "fiscal_year_start": "13-01"}),
            "$.plans[0].prior_auth.fiscal_year_start",
        ),
        (plan_text(credential_required="licensed"), "$.plans[0].credential_required"),
        (
            plan_text(telehealth={"video": {"allowed": True, "only_rural": True}}),
            "$.plans[0].telehealth.video.only_rural",
        ),
        (plan_text(judged_by_people=[]), "$.plans[0].mutually_exclusive_with"),
        (plan_text(age_mim=18), "$.plans[0].age_mim"),
        ('{"plans": [], "rules": []}', "$"),
        ('{"plans": [{"age_min": 18, "age_min": 21}]}', "$"),
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
