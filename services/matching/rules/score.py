"""How well a pair fits, 0 to 100, over what the person cares about; what nobody told is dropped or counts half."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from services.matching.rules import codes
from services.matching.rules.pairs import Bits, Numbers, Pairs, gender, hours, membership, shared
from shared.events import vocabulary

ENOUGH_STARTS = 16
"""Common quarter-hour starts (four hours of choice) beyond which more choice counts no more."""


class Part(NamedTuple):
    """One part of the score: whether the person asked, each pair's value 0 to 1, and how much of it is known."""

    asked: Bits
    value: Numbers
    known: Numbers


@dataclass(frozen=True)
class Scores:
    """By pair: `score` 0 to 100, `coverage` 0 to 1, and `rank`, what pairs are ordered by; and the parts."""

    score: Numbers
    coverage: Numbers
    rank: Numbers
    parts: dict[str, Part]

    def explained(self, row: int, column: int) -> dict[str, float]:
        """This will give the parts of one pair, as values 0 to 1; parts the person did not ask about are absent."""
        return {
            name: round(float(_at(part.value, row, column)), 3)
            for name, part in self.parts.items()
            if bool(_at(part.asked, row, column))
        }


def _at(found: Bits | Numbers, row: int, column: int) -> float:
    return float(found[row % found.shape[0], column % found.shape[1]])


def challenge(pairs: Pairs) -> Part:
    """This will compare the person's first challenge with the nearest one the supporter lives with."""
    primary = [next((one for one in each.needs.challenges if codes.family(one)), None) for each in pairs.seekers]
    ours = [each.supporter.challenges for each in pairs.candidates]
    lived = sorted({one for some in ours for one in some})
    member = membership(ours, lived)
    table = {one: _nearest(one, lived, member) for one in sorted({one for one in primary if one})}
    nobody = np.zeros(len(ours), dtype=np.float32)
    value = np.array([table[one] if one else nobody for one in primary], dtype=np.float32).reshape(pairs.shape)
    return _part([one is not None for one in primary], value, [bool(some) for some in ours], pairs)


def _nearest(one: str, lived: list[str], member: Bits) -> Numbers:
    near = np.array([codes.nearness(one, each) for each in lived], dtype=np.float32)
    found: Numbers = (member * near).max(axis=1, initial=0)
    return found


def life(pairs: Pairs) -> Part:
    """This will give the share of the person's life tags the supporter shares."""
    theirs = [_known(each.needs.life_tags, vocabulary.LIFE_TAGS) for each in pairs.seekers]
    return _overlap(theirs, [each.supporter.life_tags for each in pairs.candidates], pairs)


def goals(pairs: Pairs) -> Part:
    """This will give the share of the person's goals the supporter is good at."""
    theirs = [_known(each.needs.goals, vocabulary.GOALS) for each in pairs.seekers]
    return _overlap(theirs, [each.supporter.goals for each in pairs.candidates], pairs)


def pathway(pairs: Pairs) -> Part:
    """This will say whether both walk the same recovery pathway."""
    theirs = np.array([each.needs.pathway or "" for each in pairs.seekers], dtype=object)
    ours = np.array([each.supporter.pathway or "" for each in pairs.candidates], dtype=object)
    value = (theirs[:, None] == ours[None, :]).astype(np.float32)
    return _part(list(theirs != ""), value, list(ours != ""), pairs)


def overlap(pairs: Pairs) -> Part:
    """This will give how much of the person's preferred time the pair has in common."""
    wanted = [each.preferences.windows for each in pairs.seekers]
    theirs = np.array([hours(each).sum() for each in pairs.seekers], dtype=np.float32)
    enough = np.clip(theirs, 1, ENOUGH_STARTS)[:, None]
    value = np.minimum(pairs.common / enough, 1).astype(np.float32)
    return _part([bool(each) for each in wanted], value, None, pairs)


def soon(pairs: Pairs) -> Part:
    """This will give how soon they can meet: within 3 days 1, 7 days 0.7, two weeks 0.4, later 0."""
    days = pairs.days_ahead
    value = np.select([days <= 3, days <= 7, days <= 14], [1.0, 0.7, 0.4], 0.0).astype(np.float32)
    return _part(None, value, None, pairs)


def identity(pairs: Pairs) -> Part:
    """This will give the share met of what the person asked for: gender, an age within ten years, communities."""
    asked = np.zeros((len(pairs.seekers), 1), dtype=np.float32)
    value, known = np.zeros(pairs.shape, dtype=np.float32), np.zeros(pairs.shape, dtype=np.float32)
    for wanted, met, told in (_gender(pairs), _age(pairs), _communities(pairs)):
        asked += wanted
        value += wanted * np.where(told, met, pairs.policy.unknown)
        known += wanted * told
    items = np.maximum(asked, 1)
    return Part(asked > 0, (value / items).astype(np.float32), (known / items).astype(np.float32))


Items = tuple[Numbers, Numbers, Bits]
"""How many items each person asked for, the share of them each pair meets, and whether the supporter told."""


def _gender(pairs: Pairs) -> Items:
    theirs = np.array([gender(each.preferences.gender) or "" for each in pairs.seekers], dtype=object)
    ours = np.array([each.supporter.gender or "" for each in pairs.candidates], dtype=object)
    met = (theirs[:, None] == ours[None, :]).astype(np.float32)
    return (theirs != "").astype(np.float32)[:, None], met, (ours != "").astype(bool)[None, :]


def _age(pairs: Pairs) -> Items:
    theirs = np.array([each.preferences.age_near or 0 for each in pairs.seekers], dtype=np.float32)
    ours = np.array([each.supporter.age or 0 for each in pairs.candidates], dtype=np.float32)
    met = (np.abs(theirs[:, None] - ours[None, :]) <= 10).astype(np.float32)
    return (theirs > 0).astype(np.float32)[:, None], met, (ours > 0)[None, :]


def _communities(pairs: Pairs) -> Items:
    theirs = [_known(each.preferences.communities, vocabulary.COMMUNITIES) for each in pairs.seekers]
    ours = [each.supporter.communities for each in pairs.candidates]
    count = np.array([len(each) for each in theirs], dtype=np.float32)[:, None]
    met = (shared(theirs, ours) / np.maximum(count, 1)).astype(np.float32)
    return count, met, np.array([bool(each) for each in ours], dtype=bool)[None, :]


def style(pairs: Pairs) -> Part:
    """This will give how near they are on two scales: direct or emotional, structured or free."""
    asked = np.zeros((len(pairs.seekers), 1), dtype=np.float32)
    value, known = np.zeros(pairs.shape, dtype=np.float32), np.zeros(pairs.shape, dtype=np.float32)
    for name in ("directness", "structure"):
        theirs = np.array([[getattr(each.preferences, name) or 0] for each in pairs.seekers], dtype=np.float32)
        ours = np.array([[getattr(each.supporter, name) or 0 for each in pairs.candidates]], dtype=np.float32)
        wanted, told = (theirs > 0).astype(np.float32), (ours > 0)
        asked += wanted
        value += wanted * np.where(told, 1 - np.abs(theirs - ours) / 4, pairs.policy.unknown)
        known += wanted * told
    scales = np.maximum(asked, 1)
    return Part(asked > 0, (value / scales).astype(np.float32), (known / scales).astype(np.float32))


DID_NOT_SAY = ["in_person", "video", "audio"]


def modality(pairs: Pairs) -> Part:
    """This will give 1 where the pair can meet in the way the person named first, 0.6 in another they accept."""
    wanted = [each.preferences.modalities for each in pairs.seekers]
    value = np.full(pairs.shape, 0.6, dtype=np.float32)
    for row, ways in enumerate(wanted):
        if ways:
            value[row, pairs.ways[ways[0]][row]] = 1
    return _part([bool(each) and each != DID_NOT_SAY for each in wanted], value, None, pairs)


def language(pairs: Pairs) -> Part:
    """This will give how well they can talk."""
    return _part(None, pairs.speech, None, pairs)


def load(pairs: Pairs) -> Part:
    """This will give the share of their capacity a supporter has left."""
    left = [max(0.0, 1 - each.held / each.supporter.cap) if each.supporter.cap else 0.0 for each in pairs.candidates]
    value = np.broadcast_to(np.array([left], dtype=np.float32), pairs.shape)
    return _part(None, value, None, pairs)


PARTS: dict[str, Callable[[Pairs], Part]] = {
    "challenge": challenge, "life": life, "pathway": pathway, "overlap": overlap, "soon": soon, "identity": identity,
    "style": style, "modality": modality, "goals": goals, "language": language, "load": load,
}  # fmt: skip


def measure(pairs: Pairs) -> Scores:
    """This will score all pairs at once."""
    parts = {name: part(pairs) for name, part in PARTS.items()}
    weights = pairs.policy.weights.model_dump()
    asked, met, known = (np.zeros(pairs.shape, dtype=np.float32) for _ in range(3))
    for name, part in parts.items():
        weight = (part.asked * np.float32(weights[name])).astype(np.float32)
        asked += weight
        met += weight * part.value
        known += weight * part.known
    everything = np.maximum(asked, np.float32(1e-9))
    score, coverage = (100 * met / everything).astype(np.float32), (known / everything).astype(np.float32)
    return Scores(score, coverage, (score * (0.8 + 0.2 * coverage)).astype(np.float32), parts)


def _known(told: list[str], among: frozenset[str]) -> list[str]:
    """This will leave out what no supporter could share, for it is a word nobody here knows."""
    return sorted(set(told) & among)


def _overlap(theirs: list[list[str]], ours: list[list[str]], pairs: Pairs) -> Part:
    count = np.array([len(set(each)) for each in theirs], dtype=np.float32)[:, None]
    value = (shared(theirs, ours) / np.maximum(count, 1)).astype(np.float32)
    return _part([bool(each) for each in theirs], value, [bool(each) for each in ours], pairs)


def _part(asked: list[bool] | None, value: Numbers, told: list[bool] | None, pairs: Pairs) -> Part:
    """This will make a part in which a supporter who did not tell counts as `policy.unknown`."""
    rows, columns = pairs.shape
    wanted = np.ones((rows, 1), dtype=bool) if asked is None else np.array(asked, dtype=bool).reshape(rows, 1)
    known = np.ones((1, columns), dtype=bool) if told is None else np.array(told, dtype=bool).reshape(1, columns)
    return Part(wanted, np.where(known, value, np.float32(pairs.policy.unknown)), known.astype(np.float32))
