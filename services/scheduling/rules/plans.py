"""What payers' plans say, as effective-dated data: nothing about a payer is written in code."""

import json
from collections.abc import Iterable
from datetime import date
from itertools import permutations
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.scheduling.rules.units import ROUNDINGS
from shared.events.fact import Modality, Units

COMPUTED = {
    "unit_basis": {"minutes_15", "minutes_actual"},
    "prior_auth.mode": {"none", "always", "after_units"},
    "limits.scope": {"day", "authorization"},
}
"""What the engine computes; a plan that needs more is refused, so that no rule is passed over in silence."""

REMAINDER = ("plan_of_care_required", "benefit_rider_required", "recommendation_valid_days", "mutually_exclusive_with")
"""Conditions the engine does not compute: a plan that has one must name it in `judged_by_people`."""

DIAGNOSES = {"sud": {"sud", "cooccurring"}, "mh": {"mh", "cooccurring"}, "sud_or_cooccurring": {"sud", "cooccurring"}}


class PlanWrong(ValueError):
    """A plan that cannot be used; `where` is a path in the plan file, `remedy` says what to do."""

    def __init__(self, where: str, remedy: str) -> None:
        super().__init__(f"{where}: {remedy}")
        self.where, self.remedy = where, remedy


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _known_rounding(name: str) -> str:
    if name not in ROUNDINGS:
        raise ValueError(f"use one of {', '.join(ROUNDINGS)}")
    return name


class Service(_Part):
    """One billable line of a plan; a grant's has no code."""

    code: str | None = None
    modifiers_required: tuple[str, ...] = ()
    setting: Literal["individual", "group", "any"] = "individual"
    unit_basis: str = "minutes_15"
    rounding: Annotated[str, AfterValidator(_known_rounding)] = "cms8_daily"
    group_max_per_facilitator: int | None = None
    group_max_total: int | None = None


class PriorAuth(_Part):
    """When a payer must have said yes before: never, always, or once `free_units` of a window are used."""

    mode: str = "none"
    free_units: Units = 0
    window: str | None = None
    fiscal_year_start: Annotated[str, Field(pattern=r"^\d\d-\d\d$")] = "01-01"


class Limit(_Part):
    """The most units of one scope; an authorisation's own units come with the authorisation."""

    scope: str
    units: Units | Literal["per_auth"]
    months: int | None = None


class Remote(_Part):
    """Whether meeting by video, or by audio, is allowed, and the modifier that says so."""

    allowed: bool = False
    modifier: str | None = None


class PlanRule(_Part):
    """One version of a plan, in force on dates of service from `valid_from` up to and with `valid_to`."""

    plan_id: str
    line: str
    valid_from: date
    valid_to: date | None = None
    services: tuple[Service, ...]
    age_min: int | None = None
    age_max: int | None = None
    dx_class_required: Literal["sud", "mh", "sud_or_cooccurring"] | None = None
    credential_required: str | None = None
    network_required: bool = False
    prior_auth: PriorAuth = PriorAuth()
    limits: tuple[Limit, ...] = ()
    telehealth: dict[Literal["video", "audio"], Remote] = {}
    place_of_service: dict[Modality, str] = {}
    order_required: bool = False
    volunteer_delivered_excluded: bool = False
    never_returned_to_insurers: bool = False
    judged_by_people: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """This will name the version a decision was made by."""
        return f"{self.plan_id}@{self.valid_from.isoformat()}"

    @property
    def day_cap(self) -> int | None:
        """This will give the most units of one date, None without such a limit."""
        caps = [each.units for each in self.limits if each.scope == "day" and each.units != "per_auth"]
        return min(caps, default=None)

    def service(self) -> Service:
        """This will give the line that one-to-one sessions are billed by."""
        return next(each for each in self.services if each.setting in ("individual", "any"))

    def remote(self, modality: Modality) -> Remote | None:
        """This will say how meeting at a distance is treated; None in person, and where it is not mentioned."""
        return self.telehealth.get(modality) if modality != "in_person" else None

    def in_force(self, day: date) -> bool:
        """This will say whether this version decides about a date of service."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class Plans:
    """All versions of all plans of this programme."""

    def __init__(self, rules: Iterable[PlanRule]) -> None:
        self._versions: dict[str, list[PlanRule]] = {}
        for each in sorted(rules, key=lambda rule: (rule.plan_id, rule.valid_from)):
            self._versions.setdefault(each.plan_id, []).append(each)

    def on(self, plan_id: str, day: date) -> PlanRule | None:
        """This will find the version in force on a date of service."""
        return next((each for each in self._versions.get(plan_id, []) if each.in_force(day)), None)

    def knows(self, plan_id: str) -> bool:
        """This will say whether any version of a plan is known."""
        return plan_id in self._versions

    def returned_to_insurers(self, plan_id: str) -> bool:
        """This will say whether sessions under a plan may ever be shown to an insurer."""
        return self.knows(plan_id) and not any(each.never_returned_to_insurers for each in self._versions[plan_id])

    def hidden(self) -> list[str]:
        """This will name the plans whose sessions no insurer is ever shown."""
        return [each for each in self._versions if not self.returned_to_insurers(each)]


def read(text: str) -> Plans:
    """This will read a plan file ({"plans": [...]}, domain rule model); PlanWrong says where it is wrong."""
    try:
        listed = json.loads(text)["plans"]
    except (ValueError, TypeError, KeyError):
        raise PlanWrong("$", 'write JSON of the form {"plans": [...]}') from None
    rules = [_rule(f"$.plans[{index}]", each) for index, each in enumerate(listed)]
    _refuse_overlaps(rules)
    return Plans(rules)


def _rule(where: str, content: Any) -> PlanRule:
    try:
        rule = PlanRule.model_validate(content)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise PlanWrong(".".join([where, *map(str, first["loc"])]), first["msg"]) from None
    _refuse_uncomputed(where, rule, content)
    return rule


def _refuse_uncomputed(where: str, rule: PlanRule, content: dict[str, Any]) -> None:
    used = [("services", "unit_basis", each.unit_basis) for each in rule.services if each.setting != "group"]
    used += [("prior_auth", "prior_auth.mode", rule.prior_auth.mode)]
    used += [("limits", "limits.scope", each.scope) for each in rule.limits]
    for place, kind, value in used:
        if value not in COMPUTED[kind]:
            raise PlanWrong(f"{where}.{place}", f"{kind} must be one of {', '.join(sorted(COMPUTED[kind]))}")
    for each in REMAINDER:
        if content.get(each) and each not in rule.judged_by_people:
            raise PlanWrong(f"{where}.{each}", "this is not computed; name it in judged_by_people, or leave it out")
    if rule.valid_to and rule.valid_to < rule.valid_from:
        raise PlanWrong(f"{where}.valid_to", "a version ends on or after the date it begins")
    if all(each.setting == "group" for each in rule.services):
        raise PlanWrong(f"{where}.services", "name a service for one-to-one sessions")


def _refuse_overlaps(rules: list[PlanRule]) -> None:
    for one, other in permutations(rules, 2):
        if one.plan_id == other.plan_id and one.valid_from <= other.valid_from and one.in_force(other.valid_from):
            raise PlanWrong(f"$.plans {one.plan_id}", "two versions are in force on one date; end the earlier one")
