"""In what a post differs from what is known of a referral, for the person who has to judge it."""

from collections.abc import Iterator
from typing import Any

from services.referrals.rules.journey import TAKEN_BACK
from services.referrals.rules.order import ReferralOrder

NO_MATTER = {"authored_at", "discharged_on", "namespace", "notes"}
"""What nobody has to judge, or reads as it is written."""
ASKS = {"service", "urgency"}
"""What a withdrawal asks for: nothing, whatever its sender's system fills in."""


def differences(known: ReferralOrder, told: ReferralOrder) -> list[str]:
    """This will list what a post says otherwise, a line a member: `person birth date: 1990-05-06, now 1990-06-05`.

    A withdrawal need not say anything of the person: only what it does say can differ. Notes are read as they are.
    """
    before, after = (each.model_dump(mode="json", exclude=NO_MATTER) for each in (known, told))
    if told.status not in TAKEN_BACK:
        return list(_differing(before, after, after, whole=True))
    said = told.model_dump(mode="json", exclude=NO_MATTER | ASKS, exclude_defaults=True)
    return list(_differing(before, after, said, whole=False))


def _differing(before: Any, after: Any, said: Any, *, whole: bool, place: str = "") -> Iterator[str]:
    """This will compare what is `said` of what a post has; what is not said is gone where that is the `whole`."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in said:
            inside = f"{place} {name.replace('_', ' ')}".strip()
            yield from _differing(before[name], after[name], said[name], whole=whole, place=inside)
    elif isinstance(before, list) and isinstance(after, list):
        more = [f"also {_in_words(each)}" for each in after if each not in before]
        less = [f"no longer {_in_words(each)}" for each in before if whole and each not in after]
        if told := [*more, *less] or ["in another order"] * whole:
            yield f"{place}: {'; '.join(told)}"
    else:
        yield f"{place}: {_in_words(before)}, now {_in_words(after)}"


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        said = {name: each for name, each in value.items() if each not in (None, "", []) and each is not False}
        return " ".join(name if each is True else _in_words(each) for name, each in said.items())
    if isinstance(value, list):
        return ", ".join(map(_in_words, value)) or "nothing"
    return "nothing" if value in (None, "") else str(value)
