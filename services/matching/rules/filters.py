"""The hard filters, which no score outweighs: each marks the pairs it lets pass."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.matching.rules.pairs import Bits, Pairs, gender, shared
from services.matching.rules.people import Seeker
from services.matching.rules.supporter import certified_until

MINORS = ("child", "12-14", "15-17")


def ready(pairs: Pairs) -> Bits:
    """This will let pass supporters who are active and whose background check is valid."""
    return _columns(pairs, lambda each: each.supporter.active and each.supporter.background_check_valid)


def here(pairs: Pairs) -> Bits:
    """This will let pass supporters who are not on leave."""
    return _columns(pairs, lambda each: not each.supporter.paused)


def room(pairs: Pairs) -> Bits:
    """This will let pass supporters whose weighted caseload is below their cap."""
    return _columns(pairs, lambda each: each.rooms(pairs.policy.new_person()) > 0)


def population(pairs: Pairs) -> Bits:
    """This will let minors pass to youth-cleared supporters only."""
    young = _rows(pairs, lambda each: each.age_band in MINORS)
    return ~young | _columns(pairs, lambda each: each.supporter.youth_cleared)


def language(pairs: Pairs) -> Bits:
    """This will let pass pairs that share a language, or people who accept an interpreter."""
    return (pairs.speech > 0) | _rows(pairs, lambda each: each.preferences.interpreter_ok)


def must_haves(pairs: Pairs) -> Bits:
    """This will let pass what meets the gender a person needs their supporter to have."""
    wanted = np.array([gender(each.preferences.must_gender) or "" for each in pairs.seekers], dtype=object)
    ours = np.array([each.supporter.gender for each in pairs.candidates], dtype=object)
    met: Bits = ((wanted[:, None] == ours[None, :]) | (wanted[:, None] == "")).astype(bool)
    return met


def common_way(pairs: Pairs) -> Bits:
    """This will let pass pairs with a modality in common, in person at the same site only."""
    found: Bits = np.logical_or.reduce(list(pairs.ways.values()))
    return found


def no_conflict(pairs: Pairs) -> Bits:
    """This will stop pairs between whom there is a tie, an exclusion or an ended match."""
    return _without(pairs, lambda each: each.conflicts)


def not_asked_before(pairs: Pairs) -> Bits:
    """This will stop pairs where the supporter was already asked about this referral."""
    return _without(pairs, lambda each: each.asked)


def common_time(pairs: Pairs) -> Bits:
    """This will let pass pairs with a common start for each of the next four weeks."""
    return pairs.common > 0


def own_limits(pairs: Pairs) -> Bits:
    """This will stop what a supporter chose not to take."""
    theirs = [[*each.needs.challenges, *each.needs.life_tags] for each in pairs.seekers]
    found: Bits = shared(theirs, [each.supporter.limits for each in pairs.candidates]) == 0
    return found


def funding(pairs: Pairs) -> Bits:
    """This will let people whose support is paid for by the session pass to certified staff only."""
    day = pairs.now.date()
    certified = _columns(
        pairs,
        lambda each: certified_until(each.supporter, day, policy=pairs.policy) and not each.supporter.volunteer,
    )
    return certified | ~_rows(pairs, lambda each: each.funded)


FILTERS: dict[str, Callable[[Pairs], Bits]] = {
    "not_ready": ready,
    "on_leave": here,
    "population": population,
    "language": language,
    "must_have": must_haves,
    "no_common_way": common_way,
    "conflict": no_conflict,
    "asked_before": not_asked_before,
    "own_limits": own_limits,
    "funding": funding,
    "no_common_time": common_time,
    "full": room,
}
"""Why a pair cannot be, in the order in which the funnel counts them; room comes last, for it may come back."""


def judge(pairs: Pairs) -> NDArray[np.int8]:
    """This will give for each pair the index of the first filter that stops it, or -1."""
    found = np.full(pairs.shape, -1, dtype=np.int8)
    for index, passes in enumerate(FILTERS.values()):
        stopped = ~np.broadcast_to(passes(pairs), pairs.shape)
        found[(found < 0) & stopped] = index
    return found


def _rows(pairs: Pairs, says: Callable[[Seeker], bool]) -> Bits:
    return np.array([says(each) for each in pairs.seekers], dtype=bool)[:, None]


def _columns(pairs: Pairs, says: Callable[[Any], bool]) -> Bits:
    return np.array([says(each) for each in pairs.candidates], dtype=bool)[None, :]


def _without(pairs: Pairs, stops: Callable[[Seeker], frozenset[Any]]) -> Bits:
    place = {each.supporter_id: index for index, each in enumerate(pairs.candidates)}
    found = np.ones(pairs.shape, dtype=bool)
    for row, seeker in enumerate(pairs.seekers):
        columns = [place[each] for each in stops(seeker) if each in place]
        found[row, columns] = False
    return found
