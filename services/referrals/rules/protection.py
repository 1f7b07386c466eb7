"""Whose records 42 CFR Part 2 protects."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.phrases import plain
from services.referrals.rules.substances import CAPITALS, PATHWAYS, WORDS


def _any(words: Iterable[str]) -> str:
    """This will write a pattern for any of some words, which tries few of them at each place of a text."""
    by_letter = groupby(sorted(words), key=itemgetter(0))
    return "|".join(f"{letter}(?:{'|'.join(each[1:] for each in some)})" for letter, some in by_letter)


SUBSTANCES = re.compile(rf"\b(?:{_any(WORDS)})\b".replace("*", r"\w*"))
IN_CAPITALS = re.compile(rf"\b(?:{'|'.join(map(re.escape, CAPITALS))})\b")


def substances(challenges: Iterable[str]) -> set[str]:
    """This will choose, among what somebody lives with, whatever tells of substance use, however it is written."""
    return {each for each in challenges if _tells(each)}


@lru_cache(maxsize=4_096)
def _tells(text: str) -> bool:
    """This will look for the words once in a text, for a referral is judged whenever it is read."""
    return bool(SUBSTANCES.search(plain(text)) or IN_CAPITALS.search(text))


def protected(order: ReferralOrder) -> bool:
    """This will say whether everything of a referral is protected: it is labelled so, or any word of it tells of use.

    Words may tell that somebody does not use; when unsure, everything is protected.
    """
    return order.part2 or order.needs.pathway in PATHWAYS or any(map(_tells, _words(order)))


def _words(order: ReferralOrder) -> Iterator[str]:
    """This will give whatever is written of what somebody lives with, wishes for and agreed to."""
    yield from order.notes
    yield from (each.scope for each in order.consents)
    for part in (order.needs, order.preferences):
        for said in part.model_dump(exclude={"windows"}).values():
            yield from [said] if isinstance(said, str) else said if isinstance(said, list) else []
