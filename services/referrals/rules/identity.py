"""Who is one human being, by what named people found of pairs; what they find later counts."""

from collections.abc import Iterable, Mapping
from typing import Literal
from uuid import UUID

Verdict = Literal["same", "different"]
Two = tuple[UUID, UUID]
Everybody = Mapping[UUID, frozenset[UUID]]
"""For each person everybody who is one human being with them, themselves too."""


class Contradiction(ValueError):
    """What somebody found cannot be, beside what was found of these two before."""

    def __init__(self, two: Two) -> None:
        super().__init__()
        self.two = two


def pair(one: UUID, other: UUID) -> Two:
    """This will name two people, in the one order in which they are kept."""
    return (one, other) if one < other else (other, one)


def everybody(found: Mapping[Two, Verdict | None]) -> Everybody:
    """This will give who is one human being, of all who are in these pairs."""
    groups: dict[UUID, set[UUID]] = {}
    for two, verdict in found.items():
        one, other = (groups.setdefault(each, {each}) for each in two)
        if verdict == "same" and one is not other:
            one |= other
            groups |= dict.fromkeys(other, one)
    return {each: frozenset(group) for each, group in groups.items()}


def stands_for(group: Iterable[UUID]) -> UUID:
    """This will choose who stands for everybody of a group."""
    return min(group)


def answer(found: Mapping[Two, Verdict | None], two: Two, verdict: Verdict) -> dict[Two, Verdict | None]:
    """This will give what is found of every pair, when this is found of two.

    Contradiction where two who were found to be different would be the same by it, or the other way round.
    """
    answered = {**found, two: verdict}
    groups = everybody(answered)
    for each, said in answered.items():
        if said == "different" and each[0] in groups[each[1]]:
            raise Contradiction(_another(found, two) if each == two else each)
    return answered


def _another(found: Mapping[Two, Verdict | None], two: Two) -> Two:
    """This will give a pair found to be the same by which two who are said to be different still are."""
    group = everybody({**found, two: None})[two[0]]
    return next(each for each, said in found.items() if said == "same" and each != two and each[0] in group)


def still_asked(found: Mapping[Two, Verdict | None]) -> set[Two]:
    """This will choose the pairs a person still has to look at: what was found of others does not answer them.

    Of those who are one human being already, one is asked about.
    """
    groups = everybody(found)
    apart = {frozenset(groups[each] for each in two) for two, said in found.items() if said == "different"}
    asked: dict[frozenset[frozenset[UUID]], Two] = {}
    for two in sorted(each for each, said in found.items() if said is None):
        both = frozenset(groups[each] for each in two)
        if len(both) == 2 and both not in apart:
            asked.setdefault(both, two)
    return set(asked.values())
