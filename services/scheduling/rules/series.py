"""How a match becomes meetings: local wall times, turned into instants one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, islice
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.rules.taken import Taken, Times
from shared.events.fact import Minutes, Modality
from shared.events.matching import MatchMade, Slot
from shared.events.scheduling import BookedSession, SeriesBooked
from shared.ids import beside

WEEK = timedelta(days=7)
SETTLE = timedelta(days=3)
"""After a first meeting outside the weekly rhythm, the rhythm starts at least this much later."""


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """One meeting of a series: `original` is the wall time the rhythm asked for, `local` the one the clock shows."""

    original: datetime
    local: datetime
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How series are made here: `count` meetings, the first at least `lead` ahead unless it is urgent."""

    count: int = 12
    lead: timedelta = timedelta(days=1)
    holidays: frozenset[date] = frozenset()


def series_id(match_id: UUID) -> UUID:
    """This will name the series of a match, the same at every hearing."""
    return beside(match_id, "series")


def session_id(series: UUID, original: datetime) -> UUID:
    """This will name an occurrence by the wall time it was first planned for, so that edits keep identities."""
    return beside(series, wall(original))


def seat_id(session: UUID, person: UUID) -> UUID:
    """This will name a person's seat in a session."""
    return beside(session, str(person))


def wall(moment: datetime) -> str:
    """This will write a wall time as YYYY-MM-DDTHH:MM."""
    return moment.isoformat(timespec="minutes")


def occurrence(original: datetime, *, zone: str, minutes: Minutes) -> Occurrence:
    """This will place a wall time on the world's clock: a gap moves it forward, a fold takes the first."""
    place = ZoneInfo(zone)
    starts_at = _instant(original, place)
    shown = starts_at.astimezone(place).replace(tzinfo=None, fold=0)
    ends_at = starts_at + timedelta(minutes=minutes)
    return Occurrence(original=original, local=shown, starts_at=starts_at, ends_at=ends_at)


def meeting(series: UUID, person: UUID, when: Occurrence, modality: Modality) -> BookedSession:
    """This will make a session of a series, with one seat, of an occurrence."""
    session = session_id(series, when.original)
    return BookedSession(
        session_id=session,
        seat_id=seat_id(session, person),
        starts_at=when.starts_at,
        ends_at=when.ends_at,
        local_start=wall(when.local),
        modality=modality,
    )


def booked(match: MatchMade, occurrences: list[Occurrence], *, public_name: str | None) -> SeriesBooked:
    """This will say a match's series, with a session for every occurrence."""
    series = series_id(match.match_id)
    return SeriesBooked(
        series_id=series,
        match_id=match.match_id,
        referral_id=match.referral_id,
        person_id=match.person_id,
        supporter_id=match.supporter_id,
        site_id=match.site_id,
        zone=match.zone,
        public_name=public_name,
        sessions=[meeting(series, match.person_id, each, match.modality) for each in occurrences],
    )


def choose(
    matches: Sequence[MatchMade], taken: Taken, *, now: datetime, rhythms: Mapping[str, Rhythm]
) -> dict[UUID, list[Occurrence]]:
    """This will give, by match, the meetings of the first series at which nobody is taken, one match after another.

    `rhythms` are by site; a match without such a series is left out.
    """
    found: dict[UUID, list[Occurrence]] = {}
    for match in matches:
        for meetings in plans(match, now=now, rhythm=rhythms[match.site_id]):
            if fits(match, meetings, taken):
                taken.take(_both(match), _times(meetings))
                found[match.match_id] = meetings
                break
    return found


def fits(match: MatchMade, meetings: Sequence[Occurrence], taken: Taken) -> bool:
    """This will say whether both of a match are free at all of these times."""
    return taken.has_room(_both(match), _times(meetings))


def _both(match: MatchMade) -> list[UUID]:
    return [each for each in (match.person_id, match.supporter_id) if each]


def _times(meetings: Sequence[Occurrence]) -> list[Times]:
    return [(each.starts_at, each.ends_at) for each in meetings]


def plans(match: MatchMade, *, now: datetime, rhythm: Rhythm) -> Iterator[list[Occurrence]]:
    """This will give the series a match could become, best first: the first meeting soon, the rest weekly.

    Every slot is tried as the weekly rhythm in the given order; its first meeting is the earliest common slot of all,
    then, should that clash, the earliest of its own.
    """
    place = ZoneInfo(match.zone)
    earliest = now if match.urgency == "urgent" else now + rhythm.lead
    firsts = [next(_weekly(each, place, earliest, rhythm)) for each in match.slots]
    for slot, own in zip(match.slots, firsts, strict=True):
        for first in dict.fromkeys((min(firsts), own)):
            yield _meetings(match, slot, first, rhythm)


def _meetings(match: MatchMade, slot: Slot, first: datetime, rhythm: Rhythm) -> list[Occurrence]:
    place = ZoneInfo(match.zone)
    after = _instant(first + SETTLE, place)
    walls = islice(chain([first], _weekly(slot, place, after, rhythm)), rhythm.count)
    lengths = chain([match.first_minutes], [match.minutes] * (rhythm.count - 1))
    return [occurrence(each, zone=match.zone, minutes=length) for each, length in zip(walls, lengths, strict=True)]


def _weekly(slot: Slot, place: ZoneInfo, earliest: datetime, rhythm: Rhythm) -> Iterator[datetime]:
    """This will give the wall times of a slot, week by week, from the first that is not before an instant."""
    day = earliest.astimezone(place).date()
    wall_time = datetime.combine(day, time.fromisoformat(slot.start)) + timedelta(
        days=(slot.weekday - day.weekday()) % 7
    )
    while True:
        if _instant(wall_time, place) >= earliest and wall_time.date() not in rhythm.holidays:
            yield wall_time
        wall_time += WEEK


def _instant(wall_time: datetime, place: ZoneInfo) -> datetime:
    """This will place a wall time: with `fold=0`, a time in a gap is read by the clock as it was before."""
    return wall_time.replace(tzinfo=place, fold=0).astimezone(UTC)
