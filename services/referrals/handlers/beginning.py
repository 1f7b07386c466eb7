"""Learns what is known of referrals that arrive together, before anything is decided about them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.arrivals import Arrival, comparison, says_something_else
from services.referrals.handlers.intake import Intake
from services.referrals.handlers.remembering import Remembered
from shared.database import lock
from shared.programme import Programme
from shared.work import still_open


async def begin(db: AsyncConnection, arrivals: Sequence[Arrival], *, programme: Programme, at: datetime) -> Intake:
    """This will learn what is known of some arrivals, and let whoever comes with the same ones wait."""
    prints = {print_ for each in arrivals for print_ in each.prints}
    placers = {each.placer for each in arrivals} | {each.instead for each in arrivals if each.instead}
    await lock(db, *{number for each in arrivals for number in each.numbers})
    placed = await store.ids_by_placer(db, {each.organisation for each in arrivals}, placers)
    numbered = [each for each in arrivals if each.alike]
    alike = await store.ids_alike(db, (each.organisation for each in numbered), (each.alike for each in numbered))
    named = {*placed.values(), *(each.known for each in arrivals if each.known)}
    known = await store.alone(db, named.union(*alike.values()), *prints)
    wanted = [each for each in arrivals if each.instead_number]
    numbers = await store.ids_by_number(
        db, (each.organisation for each in wanted), (each.instead_number for each in wanted)
    )
    if missing := set(numbers.values()) - set(known):
        known |= await store.alone(db, missing)
    people = await store.people_of(db, prints)
    fresh = [
        each
        for each in arrivals
        if not each.known and ((one := known.get(placed.get(each.placer, each.post_id))) is None or one.never_had)
    ]
    theirs = await _of_people(db, fresh, people)
    before = Remembered(
        at=at,
        known=known,
        placed=placed,
        numbers=numbers,
        people=people,
        alike=alike,
        theirs=theirs,
        revoked=await store.revocations_of(db, theirs),
    )
    asked = await _asked_already(db, before, arrivals)
    return Intake(programme=programme, at=at, before=before, asked=asked)


async def _of_people(
    db: AsyncConnection, fresh: Sequence[Arrival], people: Mapping[str, UUID]
) -> dict[UUID, list[store.Referral]]:
    """This will give the referrals of those whom new ones are about, by person."""
    whom = {people[each] for one in fresh for each in one.prints if each in people}
    found = await store.by_ids(db, await store.ids_of_people(db, whom)) if whom else {}
    theirs: dict[UUID, list[store.Referral]] = {}
    for each in found.values():
        theirs.setdefault(each.person_id, []).append(each)
    return theirs


async def _asked_already(db: AsyncConnection, before: Remembered, arrivals: Sequence[Arrival]) -> set[str]:
    abouts = {
        comparison(known, each)
        for each in arrivals
        if (known := before.repeated(each)) and says_something_else(known, each)
    }
    return await still_open(db, kind="changed_referral", abouts=abouts)
