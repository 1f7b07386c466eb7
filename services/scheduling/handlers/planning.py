"""Matches become series: the first common time at which nobody is taken, or a person who finds one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.handlers.booking import FIND_A_TIME, TIME_TO_FIND_ONE, alone_with, chasers
from services.scheduling.rules import series as rules
from services.scheduling.rules.series import Rhythm
from services.scheduling.rules.taken import Taken
from services.scheduling.store import meetings as store
from services.scheduling.store.meetings import Clash, Series
from shared.clock import now
from shared.events.matching import MatchMade
from shared.events.scheduling import SeriesBooked, SeriesNotBooked
from shared.linked import everybody
from shared.mailbox import Said
from shared.programme import Programme
from shared.work import Asked, open_each

Rhythms = Mapping[str, Rhythm]
"""How series are made, by site."""


async def plan_series(
    matches: Sequence[MatchMade], db: AsyncConnection, *, programme: Programme, count: int, lead: timedelta
) -> list[Said]:
    """This will book for each match the first common time at which nobody is taken, or ask a person to find one."""
    new = await _new(matches, db)
    if not new:
        return []
    await alone_with(db, people=_people(new), supporters=_supporters(new))
    holidays = {each: frozenset(programme.site(each).holidays) for each in {match.site_id for match in new}}
    rhythms = {site: Rhythm(count=count, lead=lead, holidays=days) for site, days in holidays.items()}
    booked = {each.match_id: each for each in await _book(db, new, rhythms)}
    told = await _not_booked(db, [each for each in new if each.match_id not in booked])
    return [said for each in new for said in _said(booked.get(each.match_id) or told[each.match_id])]


def _said(told: SeriesBooked | SeriesNotBooked) -> list[Said]:
    return [told, *chasers(told)] if isinstance(told, SeriesBooked) else [told]


async def _new(matches: Iterable[MatchMade], db: AsyncConnection) -> list[MatchMade]:
    """This will leave out the matches whose series are known, and what is said again of the others."""
    series: dict[UUID, MatchMade] = {}
    for each in matches:
        series.setdefault(rules.series_id(each.match_id), each)
    known = await store.some_series(db, series)
    return [match for each, match in series.items() if each not in known]


def _people(matches: Iterable[MatchMade]) -> set[UUID]:
    return {each.person_id for each in matches}


def _supporters(matches: Iterable[MatchMade]) -> set[UUID]:
    return {each.supporter_id for each in matches if each.supporter_id}


async def _book(db: AsyncConnection, matches: Sequence[MatchMade], rhythms: Rhythms) -> list[SeriesBooked]:
    """This will book all together; should somebody be quicker, one after another, each beside what is there by then."""
    names = await store.public_names(db, _supporters(matches))
    try:
        return await _book_together(db, matches, rhythms, names)
    except Clash:
        return [one for each in matches for one in await _book_alone(db, each, rhythms, names)]


async def _book_together(
    db: AsyncConnection, matches: Sequence[MatchMade], rhythms: Rhythms, names: Mapping[UUID, str]
) -> list[SeriesBooked]:
    chosen = rules.choose(matches, await _taken(db, matches), now=now(), rhythms=rhythms)
    booked = [
        rules.booked(each, chosen[each.match_id], public_name=_name(each, names))
        for each in matches
        if each.match_id in chosen
    ]
    if booked:
        async with db.begin_nested():
            await store.book(db, booked)
    return booked


async def _taken(db: AsyncConnection, matches: Sequence[MatchMade]) -> Taken:
    """This will give when those of some matches are taken, and whoever is one human being with them."""
    linked = await everybody(db, _people(matches))
    people = _people(matches).union(*linked.values())
    return Taken(await store.taken(db, people=people, supporters=_supporters(matches), since=now()), linked)


async def _book_alone(
    db: AsyncConnection, match: MatchMade, rhythms: Rhythms, names: Mapping[UUID, str]
) -> list[SeriesBooked]:
    """This will try one time after another that is free as far as is known, and let the database say which is."""
    taken = await _taken(db, [match])
    for occurrences in rules.plans(match, now=now(), rhythm=rhythms[match.site_id]):
        if not rules.fits(match, occurrences, taken):
            continue
        booked = rules.booked(match, occurrences, public_name=_name(match, names))
        try:
            async with db.begin_nested():
                await store.book(db, [booked])
        except Clash:
            continue
        return [booked]
    return []


def _name(match: MatchMade, names: Mapping[UUID, str]) -> str | None:
    return names.get(match.supporter_id) if match.supporter_id else None


async def _not_booked(db: AsyncConnection, matches: Sequence[MatchMade]) -> dict[UUID, SeriesNotBooked]:
    """This will keep the series that have no time yet, and ask people to find one for each."""
    if not matches:
        return {}
    series = [_unbooked(each) for each in matches]
    await store.remember_unbooked(db, series)
    due = now() + TIME_TO_FIND_ONE
    asked = [Asked(kind=FIND_A_TIME, about=str(one.series_id), owner=one.site_id, due=due) for one in series]
    await open_each(db, asked)
    return {each.match_id: _told(each) for each in matches}


def _unbooked(match: MatchMade) -> Series:
    return Series(
        series_id=rules.series_id(match.match_id),
        match_id=match.match_id,
        referral_id=match.referral_id,
        person_id=match.person_id,
        supporter_id=match.supporter_id,
        site_id=match.site_id,
        zone=match.zone,
        state="unbooked",
    )


def _told(match: MatchMade) -> SeriesNotBooked:
    return SeriesNotBooked(
        match_id=match.match_id,
        referral_id=match.referral_id,
        person_id=match.person_id,
        reason="no_free_slot" if match.slots else "no_slots_given",
    )
