"""Everything known about all pairs of a decision, side by side in arrays: rows are people, columns supporters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from services.matching.rules import codes, grid
from services.matching.rules.people import Candidate, Seeker
from services.matching.rules.policy import Policy
from shared.events import vocabulary

Numbers = NDArray[np.float32]
Bits = NDArray[np.bool_]
REMOTE = ("video", "audio")


@dataclass(frozen=True)
class Pairs:
    """The people and supporters of one decision, each list in its own fixed order."""

    seekers: Sequence[Seeker]
    candidates: Sequence[Candidate]
    now: datetime
    policy: Policy

    @property
    def shape(self) -> tuple[int, int]:
        """This will give how many people there are, and how many supporters."""
        return len(self.seekers), len(self.candidates)

    @cached_property
    def common_by_day(self) -> Numbers:
        """This will count, for each day of the person's week and each pair, the common starts of a meeting."""
        counts = np.zeros((7, *self.shape), dtype=np.float32)
        for zone in sorted({each.zone for each in self.seekers}):
            rows = [index for index, each in enumerate(self.seekers) if each.zone == zone]
            theirs = np.stack([hours(self.seekers[row]) for row in rows]).reshape(-1, 7, grid.DAY)
            ours = self._starts_in(zone).reshape(-1, 7, grid.DAY)
            for day in range(7):
                counts[day, rows] = both(theirs[:, day], ours[:, day])
        return counts

    def _starts_in(self, zone: str) -> Bits:
        found = np.zeros((len(self.candidates), grid.WEEK), dtype=bool)
        for home in sorted({each.zone for each in self.candidates}):
            rows = [index for index, each in enumerate(self.candidates) if each.zone == home]
            own = np.stack([grid.starts(self.candidates[row].supporter.windows) for row in rows])
            found[rows] = grid.shifted(own, zone=home, to=zone, now=self.now)
        return found

    @cached_property
    def common(self) -> Numbers:
        """This will count the common weekly starts of each pair."""
        found: Numbers = self.common_by_day.sum(axis=0)
        return found

    @cached_property
    def days_ahead(self) -> NDArray[np.int64]:
        """This will count the days to each pair's first common start, from tomorrow on; 99 where there is none."""
        found = np.full(self.shape, 99, dtype=np.int64)
        today = np.array([local_weekday(each.zone, self.now) for each in self.seekers], dtype=np.int64)
        rows = np.arange(len(self.seekers))
        for ahead in range(7, 0, -1):
            free = self.common_by_day[(today + ahead) % 7, rows] > 0
            found[free] = ahead
        return found

    @cached_property
    def same_site(self) -> Bits:
        """This will mark the pairs that live and work at the same site."""
        theirs = np.array([each.site_id for each in self.seekers], dtype=object)
        ours = np.array([each.supporter.site_id for each in self.candidates], dtype=object)
        found: Bits = (theirs[:, None] == ours[None, :]).astype(bool)
        return found

    @cached_property
    def ways(self) -> dict[str, Bits]:
        """This will mark, for each modality, the pairs that could meet so; in person only at the same site."""
        found = {}
        for way in ("in_person", *REMOTE):
            theirs = np.array([way in each.preferences.modalities for each in self.seekers], dtype=bool)
            ours = np.array([way in each.supporter.modalities for each in self.candidates], dtype=bool)
            found[way] = theirs[:, None] & ours[None, :]
        found["in_person"] = found["in_person"] & self.same_site
        return found

    @cached_property
    def speech(self) -> Numbers:
        """This will give how well each pair can talk: first language 1, fluent 0.7, conversational 0.4, else 0."""
        found = np.zeros(self.shape, dtype=np.float32)
        for code in sorted({each for seeker in self.seekers for each in seeker.preferences.languages}):
            ours = np.array([level(each, code) for each in self.candidates], dtype=np.float32)
            place = [rank(each, code) for each in self.seekers]
            first = np.array([each == 0 for each in place], dtype=bool)
            speaks = np.array([each is not None for each in place], dtype=bool)
            value = np.where(first[:, None], ours[None, :], np.minimum(ours, 0.7)[None, :])
            found = np.maximum(found, np.where(speaks[:, None], value, 0))
        return found


LEVELS = {"native": 1.0, "fluent": 0.7, "conversational": 0.4}


def level(candidate: Candidate, code: str) -> float:
    """This will give how well a supporter speaks a language."""
    return max((LEVELS[each.level] for each in candidate.supporter.languages if each.code == code), default=0.0)


def rank(seeker: Seeker, code: str) -> int | None:
    """This will give the place of a language among those a person speaks."""
    spoken = seeker.preferences.languages
    return spoken.index(code) if code in spoken else None


def local_weekday(zone: str, now: datetime) -> int:
    """This will give today's weekday in a zone."""
    return now.astimezone(ZoneInfo(zone)).weekday()


def hours(seeker: Seeker) -> Bits:
    """This will mark when a meeting can start in a person's week; 09:00 to 19:00 where they did not say."""
    return grid.starts(seeker.preferences.windows or grid.ANY_DAY)


def membership(rows: Iterable[Iterable[str]], vocabulary: Sequence[str]) -> Bits:
    """This will mark which words of a vocabulary each row holds."""
    place = {word: index for index, word in enumerate(vocabulary)}
    listed = [list(each) for each in rows]
    found = np.zeros((len(listed), len(vocabulary)), dtype=bool)
    for row, words in enumerate(listed):
        for word in words:
            if word in place:
                found[row, place[word]] = True
    return found


def shared(theirs: Iterable[Iterable[str]], ours: Iterable[Iterable[str]]) -> Numbers:
    """This will count the words each pair shares."""
    rows, columns = [list(each) for each in theirs], [list(each) for each in ours]
    vocabulary = sorted({word for row in rows for word in row})
    return both(membership(rows, vocabulary), membership(columns, vocabulary))


def both(theirs: Bits, ours: Bits) -> Numbers:
    """This will count the marks each pair has in common.

    A product of matrices would say the same, but BLAS keeps every core busy for it.
    """
    rows, columns = _packed(theirs), _packed(ours)
    found = np.zeros((len(theirs), len(ours)), dtype=np.float32)
    for row, column in zip(rows.T, columns.T, strict=True):
        found += np.bitwise_count(row[:, None] & column[None, :])
    return found


def _packed(marks: Bits) -> NDArray[np.uint64]:
    """This will put 64 marks into a number."""
    padded = np.zeros((len(marks), -(-marks.shape[1] // 64) * 64), dtype=bool)
    padded[:, : marks.shape[1]] = marks
    return np.packbits(padded, axis=1).view(np.uint64)


def gender(words: str | None) -> str | None:
    """This will read a gender a person asked for as our code; one we do not know stays as it is."""
    return words and (codes.understood(words, vocabulary.GENDERS) or words)
