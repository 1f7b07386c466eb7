"""Whose records 42 CFR Part 2 protects."""

import re
from collections.abc import Iterable

from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.phrases import plain

SUBSTANCES = re.compile(
    r"\b(substance|alcohol|drinking|drug|addict|adicci|droga|opioid|opiate|heroin|fentanyl|stimulant|cocaine"
    r"|amphetamine|methamphetamine|cannabis|marijuana|sobriety|sober)\w*|\b[soa]ud\b"
)


def substances(challenges: Iterable[str]) -> set[str]:
    """This will choose, among what somebody lives with, whatever tells of substance use, however it is written."""
    return {each for each in challenges if SUBSTANCES.search(plain(each))}


def protected(order: ReferralOrder) -> bool:
    """This will say whether everything of a referral is protected: it is labelled so, or any word of it tells of use.

    Words may tell that somebody does not use; when unsure, everything is protected.
    """
    return order.part2 or bool(substances(order.needs.challenges) or substances(order.notes))
