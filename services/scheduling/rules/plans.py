"""What payers' plans say, as effective-dated data: nothing about a payer is written in code.

A plan is computed in full or refused: a name or a value that no rule here reads is an error, with its place. What staff
check instead is named in a plan's `judged_by_people`.
"""

from collections.abc import Iterable
from datetime import date
from itertools import permutations
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from services.scheduling.rules.units import ROUNDINGS
from shared import strict_json
from shared.events.fact import Modality, Units

NOTES = frozenset({"_note", "line", "modelled_on", "unverified"})
"""What describes a plan and decides nothing."""
MET_ONE_TO_ONE = frozenset(
    {"group_covered", "group_max_per_facilitator", "group_max_total", "public_support_group_excluded"}
)
"""Conditions that every session of one person with one supporter meets, and there are no others here."""
LONGEST_FILE = 1024 * 1024
REMEDIES = {
    "extra_forbidden": "this is not computed; leave it out, or name a plan's own condition in judged_by_people",
    "literal_error": "only {expected} is computed",
}
"""What to do about an error, by pydantic's name for it."""

DIAGNOSES = {"sud": {"sud", "cooccurring"}, "mh": {"mh", "cooccurring"}, "sud_or_cooccurring": {"sud", "cooccurring"}}


class PlanWrong(ValueError):
    """A plan that cannot be used; `where` is a path in the plan file, `remedy` says what to do."""

    def __init__(self, where: str, remedy: str) -> None:
        super().__init__(f"{where}: {remedy}")
        self.where, self.remedy = where, remedy


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _without_notes(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {name: value for name, value in content.items() if name not in NOTES | MET_ONE_TO_ONE}


def _known_rounding(name: str) -> str:
    if name not in ROUNDINGS:
        raise ValueError(f"use one of {', '.join(ROUNDINGS)}")
    return name


class Service(_Part):
    """One billable line of a plan; a grant's has no code and counts no units."""

    code: str | None = None
    modifiers_required: tuple[str, ...] = ()
    setting: Literal["individual", "group", "any"] = "individual"
    unit_basis: Literal["minutes_15", "minutes_actual"] = "minutes_15"
    rounding: Annotated[str, AfterValidator(_known_rounding)] = "cms8_daily"

    @model_validator(mode="after")
    def _counts_what_has_a_code(self) -> Self:
        if (self.code is None) != (self.unit_basis == "minutes_actual"):
            raise ValueError("minutes_15 needs a code, minutes_actual is for services without one")
        return self


class PriorAuth(_Part):
    """When a payer must have said yes before: never, always, or once `free_units` of a fiscal year are used."""

    mode: Literal["none", "always", "after_units"] = "none"
    free_units: Units = 0
    window: Literal["fiscal_year"] | None = None
    fiscal_year_start: Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")] = "01-01"

    @model_validator(mode="after")
    def _frees_units_in_one_mode(self) -> Self:
        terms = self.model_fields_set - {"mode"}
        if terms != ({"free_units", "window", "fiscal_year_start"} if self.mode == "after_units" else set()):
            raise ValueError("free_units, window and fiscal_year_start go with after_units, all of them and only there")
        return self


class Limit(_Part):
    """The most units of a date; an authorisation's own units come with the authorisation, as `per_auth`."""

    scope: Literal["day", "authorization"]
    units: Units | Literal["per_auth"]

    @model_validator(mode="after")
    def _gives_a_number_for_a_day(self) -> Self:
        if (self.scope == "authorization") != (self.units == "per_auth"):
            raise ValueError("give a number for a day, and per_auth for an authorization")
        return self


class Remote(_Part):
    """Whether meeting by video, or by audio, is allowed, and the modifier that says so."""

    allowed: bool = False
    modifier: str | None = None


class PlanRule(_Part):
    """One version of a plan, in force on dates of service from `valid_from` up to and with `valid_to`.

    Other conditions than these are checked by people, and named in `judged_by_people`.
    """

    model_config = ConfigDict(extra="allow")

    plan_id: str
    valid_from: date
    valid_to: date | None = None
    services: tuple[Service, ...]
    age_min: int | None = None
    age_max: int | None = None
    dx_class_required: Literal["sud", "mh", "sud_or_cooccurring"] | None = None
    credential_required: Literal["state_certified"] | None = None
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


class _File(_Part):
    plans: list[Any]


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

    def codes(self, plan_ids: Iterable[str]) -> set[str]:
        """This will list the codes by which one-to-one sessions are billed under any version of some plans."""
        services = [rule.service() for each in plan_ids for rule in self._versions.get(each, [])]
        return {each.code for each in services if each.code}

    def returned_to_insurers(self, plan_id: str) -> bool:
        """This will say whether sessions under a plan may ever be shown to an insurer."""
        return self.knows(plan_id) and not any(each.never_returned_to_insurers for each in self._versions[plan_id])

    def hidden(self) -> list[str]:
        """This will name the plans whose sessions no insurer is ever shown."""
        return [each for each in self._versions if not self.returned_to_insurers(each)]


def read(text: str) -> Plans:
    """This will read a plan file, {"plans": [...]} of what PlanRule lists; PlanWrong says where it is wrong."""
    try:
        listed = _File.model_validate(strict_json.parse(text.encode(), limit=LONGEST_FILE)).plans
    except strict_json.Malformed as wrong:
        raise PlanWrong(wrong.where, wrong.remedy) from None
    except ValidationError:
        raise PlanWrong("$", 'write JSON of the form {"plans": [...]}') from None
    rules = [_rule(f"$.plans[{index}]", each) for index, each in enumerate(listed)]
    _refuse_overlaps(rules)
    return Plans(rules)


def _rule(where: str, content: Any) -> PlanRule:
    try:
        rule = PlanRule.model_validate(content)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise PlanWrong(".".join([where, *map(str, first["loc"])]), _remedy(first)) from None
    _refuse_uncomputed(where, rule)
    return rule


def _remedy(wrong: ErrorDetails) -> str:
    known = REMEDIES.get(wrong["type"])
    return known.format(**wrong.get("ctx", {})) if known else wrong["msg"]


def _refuse_uncomputed(where: str, rule: PlanRule) -> None:
    """This will refuse what every part allows by itself, and the rules do not compute together."""
    for each in sorted((rule.model_extra or {}).keys() - {*rule.judged_by_people}):
        raise PlanWrong(f"{where}.{each}", REMEDIES["extra_forbidden"])
    if rule.valid_to and rule.valid_to < rule.valid_from:
        raise PlanWrong(f"{where}.valid_to", "a version ends on or after the date it begins")
    if len([each for each in rule.services if each.setting != "group"]) != 1:
        raise PlanWrong(f"{where}.services", "name one service for one-to-one sessions")
    if rule.prior_auth.mode == "none" and any(each.scope == "authorization" for each in rule.limits):
        raise PlanWrong(f"{where}.limits", "an authorization's units count only where prior_auth asks for one")


def _refuse_overlaps(rules: list[PlanRule]) -> None:
    for one, other in permutations(rules, 2):
        if one.plan_id == other.plan_id and one.valid_from <= other.valid_from and one.in_force(other.valid_from):
            raise PlanWrong(f"$.plans {one.plan_id}", "two versions are in force on one date; end the earlier one")
