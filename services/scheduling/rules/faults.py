"""Why nothing of a seat is covered on a date, whatever the limits: every failing reason, not only the first."""

from datetime import date

from services.scheduling.rules.plans import DIAGNOSES, PlanRule
from services.scheduling.rules.seats import HELD, Coverage, Delivered


def faults(seat: Delivered, rule: PlanRule | None, day: date) -> frozenset[str]:
    """This will collect every reason for which nothing of this seat is covered on this date."""
    if seat.outcome not in HELD:
        return frozenset({"NO_SHOW" if seat.outcome == "no_show" else "NOT_HELD"})
    found = {"MEMBER_RESTRICTED": seat.coverage.restricted, **_of_note(seat), **_of_member(seat.coverage, rule, day)}
    if rule:
        found |= _of_member_under(rule, seat.coverage, day) | _of_supporter(rule, seat, day)
    return frozenset(reason for reason, holds in found.items() if holds)


def _of_note(seat: Delivered) -> dict[str, bool]:
    return {"NO_NOTE": seat.note_status == "none", "NOTE_UNSIGNED": seat.note_status == "draft"}


def _of_member(coverage: Coverage, rule: PlanRule | None, day: date) -> dict[str, bool]:
    return {"NOT_ELIGIBLE_ON_DOS": rule is None or not coverage.covers(day)}


def _of_member_under(rule: PlanRule, coverage: Coverage, day: date) -> dict[str, bool]:
    age = _age(coverage.birth_date, day)
    wanted = DIAGNOSES.get(rule.dx_class_required or "")
    return {
        "AGE": (rule.age_min is not None and age < rule.age_min) or (rule.age_max is not None and age > rule.age_max),
        "DX_CLASS": wanted is not None and coverage.diagnosis_class not in wanted,
        "NO_ORDER": rule.order_required and (coverage.ordered_on is None or coverage.ordered_on > day),
    }


def _of_supporter(rule: PlanRule, seat: Delivered, day: date) -> dict[str, bool]:
    who, remote = seat.supporter, rule.remote(seat.modality)
    lapsed = who.credential is None or (who.credential_to is not None and who.credential_to < day)
    return {
        "MODALITY_NOT_ALLOWED": seat.modality != "in_person" and not (remote and remote.allowed),
        "OUT_OF_NETWORK": rule.network_required and not who.networks & {seat.coverage.payer, rule.plan_id},
        "CREDENTIAL": rule.credential_required is not None and lapsed,
        "VOLUNTEER": rule.volunteer_delivered_excluded and who.volunteer,
    }


def _age(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
