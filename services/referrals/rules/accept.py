"""What is said when a referral is accepted: needs for matching; sealed, how to reach and who insures the person."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID, uuid5

from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.protection import protected, substances
from services.referrals.rules.triage import Payer, age_band, plan_of, urgency
from shared.calendar import day_at
from shared.events.referrals import (
    ConsentGiven,
    ContactShared,
    CoverageShared,
    Preferences,
    Reach,
    ReferralAccepted,
)
from shared.programme import Site

DiagnosisClass = Literal["sud", "mh", "cooccurring"]
Fact = ReferralAccepted | ContactShared | CoverageShared | ConsentGiven


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A referral that is taken in, with what the programme knows about where it came from.

    `status_consent` says that the referrer's agreement stands for the person's consent, `minor_alone` that the person
    is under age and agreed without a parent or guardian, `guarded_until` when what one agreed to for them ends,
    `learnt_at` when the programme learnt from them how they are reached.
    """

    referral_id: UUID
    person_id: UUID
    organisation: str
    site: Site
    zone: str
    order: ReferralOrder
    arrived_at: datetime
    status_consent: bool
    minor_alone: bool = False
    guarded_until: datetime | None = None
    learnt_at: datetime | None = None


def facts_of_acceptance(accepted: Accepted, payers: list[Payer], *, now: datetime) -> list[Fact]:
    """This will give everything that is said of an accepted referral: consents first, for others to know them."""
    cover = _coverage(accepted, payers)
    facts: list[Fact] = [*consents_of(accepted, payers, now=now), contact_of(accepted)]
    facts += [cover] if cover else []
    funded = bool(cover and _in_force(accepted.order, day_at(accepted.site, now)))
    return [*facts, _accepted(accepted, funded=funded, now=now)]


def _accepted(accepted: Accepted, *, funded: bool, now: datetime) -> ReferralAccepted:
    order = accepted.order
    if order.person.birth_date is None:
        raise ValueError("a referral without a birth date cannot be accepted")
    return ReferralAccepted(
        referral_id=accepted.referral_id,
        person_id=accepted.person_id,
        organisation=accepted.organisation,
        site_id=accepted.site.site_id,
        zone=accepted.zone,
        urgency=urgency(order, accepted.site, accepted.arrived_at, now),
        arrived_at=accepted.arrived_at,
        age_band=age_band(order.person.birth_date, day_at(accepted.site, now)),
        needs=order.needs,
        preferences=_preferences(order),
        funded=funded,
        part2=protected(order),
    )


def _preferences(order: ReferralOrder) -> Preferences:
    if "languages" in order.preferences.model_fields_set or not order.person.languages:
        return order.preferences
    return order.preferences.model_copy(update={"languages": list(order.person.languages)})


def contact_of(accepted: Accepted) -> ContactShared:
    """This will say how a person is reached, as they agreed to when they told the programme, or were referred."""
    order = accepted.order
    referred_at = min(order.authored_at or accepted.arrived_at, accepted.arrived_at)
    agreed_at = accepted.learnt_at or referred_at
    return ContactShared(
        person_id=accepted.person_id,
        site_id=accepted.site.site_id,
        first_name=order.person.first_name,
        language=next(iter(_preferences(order).languages), "en"),
        zone=accepted.zone,
        reaches=[
            Reach(channel=each.channel, address=each.address, consented_at=agreed_at) for each in order.person.reaches
        ],
        learnt_at=accepted.learnt_at,
    )


def _in_force(order: ReferralOrder, today: date) -> bool:
    cover = order.cover
    return bool(cover) and (cover is None or (cover.covered_from or today) <= today <= (cover.covered_to or today))


def _coverage(accepted: Accepted, payers: list[Payer]) -> CoverageShared | None:
    order = accepted.order
    found = plan_of(order.cover, payers) if order.cover else None
    if order.cover is None or found is None or order.person.birth_date is None:
        return None
    return CoverageShared(
        person_id=accepted.person_id,
        referral_id=accepted.referral_id,
        payer=found[0],
        plan_id=found[1],
        member_id=order.cover.member_id,
        birth_date=order.person.birth_date.isoformat(),
        diagnosis_class=diagnosis_class(order),
        covered_from=_iso(order.cover.covered_from),
        covered_to=_iso(order.cover.covered_to),
        ordered_on=(order.authored_at or accepted.arrived_at).date().isoformat(),
        authorisation=order.cover.authorisation,
        authorised_units=order.cover.authorised_units,
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def diagnosis_class(order: ReferralOrder) -> DiagnosisClass | None:
    """This will give the class a plan asks for, from what the person lives with; None where nobody said."""
    challenges = {each for each in order.needs.challenges if each != "other"}
    used = substances(challenges)
    others = challenges - used
    if used and others:
        return "cooccurring"
    return "sud" if used else "mh" if others else None


def consents_of(accepted: Accepted, payers: list[Payer], *, now: datetime) -> list[ConsentGiven]:
    """This will give the consents that came with a referral, and those that its referrer's agreement stands for."""
    given = [
        ConsentGiven(
            consent_id=uuid5(accepted.referral_id, f"consent {index}"),
            person_id=accepted.person_id,
            discloser="alongside",
            recipients=each.recipients,
            purposes=list(each.purposes),
            part2=each.part2,
            signed_at=min(each.signed_at or accepted.arrived_at, now),
            expires_at=sooner(each.expires_at, accepted.guarded_until),
            scope=each.scope,
        )
        for index, each in enumerate(accepted.order.consents)
        if each.begins_at is None or each.begins_at <= now
    ]
    agreed = _by_agreement(accepted, payers) if accepted.status_consent else []
    return [*given, *agreed]


def _by_agreement(accepted: Accepted, payers: list[Payer]) -> list[ConsentGiven]:
    """This will give what the referrer's agreement vouches for; records under Part 2 need a consent of their own."""
    told = [(accepted.organisation, "treatment", "what became of the referral")]
    # What an insurer is told, it tells those who hold the policy: a minor who agreed alone says so themselves.
    cover = None if accepted.minor_alone else accepted.order.cover
    plan = plan_of(cover, payers) if cover else None
    told += [(plan[0], "payment", "the visits its plan covers")] if plan else []
    return [
        ConsentGiven(
            consent_id=uuid5(accepted.referral_id, f"agreement {purpose}"),
            person_id=accepted.person_id,
            discloser="alongside",
            recipients=[recipient],
            purposes=[purpose],
            part2=False,
            signed_at=accepted.arrived_at,
            expires_at=accepted.guarded_until,
            scope=scope,
        )
        for recipient, purpose, scope in told
    ]


def sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    """This will give the earlier of two ends, of which each may be missing."""
    return min(filter(None, [one, other]), default=None)
