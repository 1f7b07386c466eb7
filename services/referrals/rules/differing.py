"""In what a post differs from what is known of a referral, for the person who has to judge it."""

from collections.abc import Iterator
from typing import Any

from services.referrals.rules.journey import TAKEN_BACK
from services.referrals.rules.order import ReferralOrder

NO_MATTER = {"authored_at", "discharged_on", "namespace"}
"""What nobody has to judge."""


def differences(known: ReferralOrder, told: ReferralOrder) -> list[str]:
    """This will list what a post says otherwise, a line a member: `person birth date: 1990-05-06, now 1990-06-05`.

    A withdrawal need not say anything of the person: only what it does say can differ. Notes are read as they are.
    """
    before, after = (each.model_dump(mode="json", exclude={*NO_MATTER, "notes"}) for each in (known, told))
    return list(_differing(before, after, whole=told.status not in TAKEN_BACK))


def _differing(before: Any, after: Any, *, whole: bool, place: str = "") -> Iterator[str]:
    if before == after or not (whole or after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in after.items():
            yield from _differing(before[name], value, whole=whole, place=f"{place} {name.replace('_', ' ')}".strip())
    elif isinstance(before, list) and isinstance(after, list):
        more = [f"also {_in_words(each)}" for each in after if each not in before]
        less = [f"no longer {_in_words(each)}" for each in before if each not in after]
        if told := [*more, *(less if whole else [])]:
            yield f"{place}: {'; '.join(told)}"
    else:
        yield f"{place}: {_in_words(before)}, now {_in_words(after)}"


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return " ".join(_in_words(each) for each in value.values() if each not in (None, "", [], False))
    if isinstance(value, list):
        return ", ".join(map(_in_words, value)) or "nothing"
    return str(value or "nothing")
