"""What becomes of a referral when it arrives: looked at by a person, asked about, declined, or let through."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from services.referrals.rules.order import Cover, ReferralOrder
from services.referrals.rules.phrases import may_mean_danger, plain
from shared.calendar import day_at
from shared.events.fact import Urgency
from shared.events.referrals import AgeBand
from shared.programme import Site

Outcome = Literal["crisis_review", "needs_screen", "needs_info", "refused", "accepted"]
Reason = Literal["not_peer_support", "no_consent", "age", "entered_in_error", "withdrawn"]
Missing = Literal["contact", "birth_date", "guardian", "deceased", "still_wanted", "asked_again"]

YOUNGEST, OLDEST = 12, 120
PHONE_WITHIN = timedelta(minutes=15)
"""How soon a person phones about danger."""
PAGED_WITHIN = timedelta(minutes=2)
"""How soon the pager has taken a page about danger, unless its way is broken."""
AFTER_DISCHARGE = timedelta(days=7)
BANDS: tuple[tuple[int, AgeBand], ...] = (
    (65, "older_adult"), (26, "adult"), (18, "18-25"), (15, "15-17"), (12, "12-14"), (0, "child"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What was agreed with an organisation: `screens_before_referring` vouches for a risk answer it leaves out."""

    screens_before_referring: bool = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of a triage: `reason` when refused, `missing` when something must be asked, now or later."""

    outcome: Outcome
    reason: Reason | None = None
    missing: tuple[Missing, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it does not go on now."""
        return (self.reason,) if self.reason else self.missing


def triage(
    order: ReferralOrder,
    agreement: Agreement,
    today: date,
    *,
    cleared: bool = False,
    lacks_guardian: bool = False,
    again: bool = False,
) -> Verdict:
    """This will say what becomes of a referral; a danger sign comes first, and only a named person may clear it.

    `today` is the day it is at the site: by it somebody is as old as they are.
    `cleared` says that a named person has looked at the risk, `lacks_guardian` that a parent or guardian must agree,
    and nobody did yet, `again` that it was taken back before, and nobody asked yet whether it is wanted. A record
    entered in error is about nobody.
    """
    asked: tuple[Missing, ...] = ("asked_again",) if again else ()
    if order.status == "entered_in_error":
        return Verdict(outcome="refused", reason="entered_in_error")
    if not cleared and in_danger(order):
        return Verdict(outcome="crisis_review", missing=asked)
    reason = refusal(order, today)
    if reason:
        return Verdict(outcome="refused", reason=reason)
    if not cleared and not screened(order, agreement):
        return Verdict(outcome="needs_screen", missing=asked)
    missing = (*asked, *unknown_of(order, today, lacks_guardian=lacks_guardian))
    return Verdict(outcome="needs_info", missing=missing) if missing else Verdict(outcome="accepted")


def in_danger(order: ReferralOrder) -> bool:
    """This will say whether anything in the referral is a sign of danger; words can only raise it."""
    return order.risk == "flagged" or may_mean_danger(order.notes)


def news_of_danger(repeat: ReferralOrder, known: ReferralOrder, *, in_crisis: bool) -> bool:
    """This will say whether a repeat holds a sign of danger that nobody looks at now.

    While a person looks at what is `known`, only another sign is news; after that any is, known or not.
    """
    if repeat.status == "entered_in_error":
        return False
    return bool(_signs(repeat) - (_signs(known) if in_crisis else set()))


def _signs(order: ReferralOrder) -> set[str]:
    flag = {"flagged"} if order.risk == "flagged" else set()
    return flag | {plain(each) for each in order.notes if may_mean_danger([each])}


def screened(order: ReferralOrder, agreement: Agreement) -> bool:
    """This will say whether somebody answered for the risk: "unknown" is no answer, whatever was agreed."""
    return order.risk == "none" or (order.risk is None and agreement.screens_before_referring)


def refusal(order: ReferralOrder, today: date) -> Reason | None:
    """This will say why a well-formed referral cannot be taken, or None."""
    if order.status == "withdrawn":
        return "withdrawn"
    if order.service != "peer_support":
        return "not_peer_support"
    if order.peer_support_consent is False:
        return "no_consent"
    years = age(order.person.birth_date, today)
    return "age" if years is not None and 0 <= years < YOUNGEST else None


def unknown_of(order: ReferralOrder, today: date, *, lacks_guardian: bool = False) -> tuple[Missing, ...]:
    """This will list what must be asked before anybody can be matched with the person."""
    person = order.person
    years = age(person.birth_date, today)
    checks: tuple[tuple[Missing, bool], ...] = (
        ("still_wanted", order.status == "completed"),
        ("deceased", person.deceased),
        ("guardian", lacks_guardian),
        ("contact", not person.reaches),
        ("birth_date", years is None or not 0 <= years <= OLDEST),
    )
    return tuple(name for name, wrong in checks if wrong)


def age(birth_date: date | None, today: date) -> int | None:
    """This will give completed years; negative for a date still to come."""
    if birth_date is None:
        return None
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def age_band(birth_date: date, today: date) -> AgeBand:
    """This will give the band that groups and supporters are kept apart by."""
    years = age(birth_date, today) or 0
    return next((band for least, band in BANDS if years >= least), "child")


def urgency(order: ReferralOrder, site: Site, *moments: datetime) -> Urgency:
    """This will give how soon: within seven days of leaving a hospital is urgent, whatever the referrer wrote.

    Days are those of the site; `moments` are when it arrived, and when it was heard of again: one of them is enough.
    """
    left = order.discharged_on
    if left and any(abs(day_at(site, each) - left) <= AFTER_DISCHARGE for each in moments):
        return "urgent"
    return order.urgency


@dataclass(frozen=True, kw_only=True)
class Payer:
    """An insurer of the programme, and the plans it answers for."""

    organisation_id: str
    name: str
    plan_ids: tuple[str, ...]


def plan_of(cover: Cover, payers: list[Payer]) -> tuple[str, str] | None:
    """This will find (payer id, plan id) for what a referrer wrote, or None where it is not clear which is meant."""
    by_plan = [(each, plan) for each in payers for plan in each.plan_ids if same(plan, cover.plan)]
    if len(by_plan) == 1:
        return by_plan[0][0].organisation_id, by_plan[0][1]
    named = [each for each in payers if same(each.organisation_id, cover.payer) or same(each.name, cover.payer)]
    if cover.plan is None and len(named) == 1 and len(named[0].plan_ids) == 1:
        return named[0].organisation_id, named[0].plan_ids[0]
    return None


def same(known: str, written: str | None) -> bool:
    """This will compare names as people write them."""
    return written is not None and known.casefold() == written.strip().casefold()
