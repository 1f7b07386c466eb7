"""Whether a withdrawal means a referral whose number it writes otherwise; where anything contradicts that, it does not.

To end another referral than was meant is worse than to ask: who tries to find one goes by its number alone, and looks
here whether whoever gave it, and the person, may be the same.
"""

import re

from services.referrals.rules.order import Person, ReferralOrder

OID = re.compile(r"[0-2](\.\d+)+")


def may_mean(withdrawal: ReferralOrder, known: ReferralOrder) -> bool:
    """This will say whether nothing contradicts that a withdrawal means a referral whose number has the same value."""
    if withdrawal.identifier is None or known.identifier is None:
        return False
    givers = zip(_giver(withdrawal), _giver(known), strict=True)
    return all(_agree(one, other) for one, other in givers) and _may_be_one(withdrawal.person, known.person)


def _giver(order: ReferralOrder) -> tuple[str, str]:
    """This will give by what name, and by what address or OID, whoever gave a number is called; nothing where not."""
    system = order.identifier.system.casefold().removeprefix("urn:oid:") if order.identifier else ""
    if ":" in system or OID.fullmatch(system):
        return order.namespace.casefold(), system
    return system, ""


def _may_be_one(one: Person, other: Person) -> bool:
    """This will say whether two may be one person, for all that is said of both: a number of theirs decides."""
    mine, theirs = ({(each.system.casefold(), each.value) for each in who.identifiers} for who in (one, other))
    if mine & theirs:
        return True
    if {system for system, _ in mine} & {system for system, _ in theirs}:
        return False
    names = (
        _agree(_plain(one.family_name), _plain(other.family_name)),
        _agree(_plain(one.first_name), _plain(other.first_name)),
    )
    if one.birth_date and other.birth_date:
        return one.birth_date == other.birth_date and any(names)
    return all(names)


def _plain(name: str | None) -> str:
    return (name or "").casefold()


def _agree(one: str, other: str) -> bool:
    """This will say whether two say the same, or one says nothing."""
    return not one or not other or one == other
