"""Who agrees for somebody under age: they themselves, or a parent or guardian, as the law of a state has it."""

from datetime import date, datetime
from typing import Literal

from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.protection import protected
from services.referrals.rules.triage import age
from shared.calendar import day_at, local
from shared.programme import AgesOfConsent, Programme, Site

Party = Literal["self", "guardian"]

ADULT = 18
"""From this age on somebody agrees for themselves, in every state."""

NOBODY = AgesOfConsent()
STATES: dict[str, AgesOfConsent] = {
    "CA": AgesOfConsent(mental_health=12, substance_use=12),
    "FL": AgesOfConsent(mental_health=13),
    "AL": AgesOfConsent(mental_health=14),
}
"""From which age minors agree alone to outpatient services, for counsel to confirm; elsewhere they do not. What the
programme file says of a state goes before this."""


def under_age(order: ReferralOrder, today: date) -> bool:
    """This will say whether somebody is under age; a birth date that is unknown, or cannot be, is asked for first."""
    years = age(order.person.birth_date, today)
    return years is not None and 0 <= years < ADULT


def alone_from(order: ReferralOrder, ages: AgesOfConsent) -> int:
    """This will give from which age somebody agrees alone to what they are referred for.

    Peer support is a mental-health service; where substance use is told of, both ages must be reached.
    """
    classes = [ages.mental_health, *([ages.substance_use] if protected(order) else [])]
    return max(ADULT if each is None else each for each in classes)


def party(order: ReferralOrder, programme: Programme, site: Site, at: datetime) -> Party:
    """This will say who must agree, at a moment, by the law of the state in which a site is."""
    today, state = day_at(site, at), site.state or ""
    if not under_age(order, today):
        return "self"
    ages = programme.minor_consent.get(state) or STATES.get(state, NOBODY)
    return "self" if (age(order.person.birth_date, today) or 0) >= alone_from(order, ages) else "guardian"


def comes_of_age(birth_date: date, site: Site) -> datetime:
    """This will give the moment at which somebody is of age."""
    day = date(birth_date.year + ADULT, birth_date.month, 1).toordinal() + birth_date.day - 1
    return local(date.fromordinal(day), "00:00", site.zone)
