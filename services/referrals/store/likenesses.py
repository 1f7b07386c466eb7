"""Who may be one human being with whom: found by traits that two people share, and what people found of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.identity import Two, Verdict, pair
from services.referrals.rules.likeness import CROWD, Why
from services.referrals.store.referral import Referral, referral_of
from services.referrals.store.tables import likenesses, referrals, traits
from shared.database import insert_or_ignore
from shared.linked import everybody
from shared.several import among

TOO_MANY = 100
"""How many people a trait is read of at most: what more share is never looked at."""

KEEP, NOTICE = insert_or_ignore(traits), insert_or_ignore(likenesses)
MINE = select(traits.c.fingerprint).where(among(traits.c.person_id, "people"))
SHARED = (
    select(traits.c.fingerprint)
    .where(traits.c.fingerprint.in_(MINE))
    .group_by(traits.c.fingerprint)
    .having(func.count().between(2, TOO_MANY))
)
SHARING = select(traits).where(traits.c.fingerprint.in_(SHARED)).order_by(traits.c.fingerprint, traits.c.person_id)
AROUND = select(likenesses).where(among(likenesses.c.one_id, "people") | among(likenesses.c.other_id, "people"))
OF_PEOPLE: Select[Any] = (
    select(referrals)
    .where(among(referrals.c.person_id, "people"), ~referrals.c.test)
    .order_by(referrals.c.arrived_at, referrals.c.referral_id)
)
FIND = update(likenesses).where(likenesses.c.one_id == bindparam("one"), likenesses.c.other_id == bindparam("other"))


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Two people who may be one, why, and what a named person found of them: nothing yet, where `verdict` is None."""

    two: Two
    why: tuple[Why, ...]
    noticed_at: datetime
    verdict: Verdict | None = None
    by: str | None = None
    reason: str | None = None
    found_at: datetime | None = None


async def keep_traits(db: AsyncConnection, prints: Mapping[UUID, Iterable[str]]) -> None:
    """This will remember by which fingerprints people may be found from elsewhere."""
    rows = [{"fingerprint": each, "person_id": person} for person, some in prints.items() for each in some]
    if rows:
        await db.execute(KEEP, sorted(rows, key=lambda row: (row["fingerprint"], row["person_id"])))


async def sharing(db: AsyncConnection, people: Iterable[UUID]) -> set[Two]:
    """This will pair these people with whoever shares a trait with them that not a crowd has."""
    wanted = set(people)
    shared: dict[str, set[UUID]] = {}
    for row in await db.execute(SHARING, {"people": sorted(wanted)}):
        shared.setdefault(row.fingerprint, set()).add(row.person_id)
    linked = await everybody(db, set().union(*shared.values()))
    few = [some for some in shared.values() if len({linked.get(each, each) for each in some}) <= CROWD]
    return {pair(one, other) for some in few for one in some & wanted for other in some if one != other}


async def of_people(db: AsyncConnection, people: Iterable[UUID]) -> dict[UUID, list[Referral]]:
    """This will give people's referrals, the first first; nobody who was made up for a test is among them."""
    found: dict[UUID, list[Referral]] = {}
    for row in (await db.execute(OF_PEOPLE, {"people": sorted(set(people))})).mappings():
        found.setdefault(row["person_id"], []).append(referral_of(row))
    return found


async def likenesses_around(db: AsyncConnection, people: Iterable[UUID]) -> dict[Two, Likeness]:
    """This will give every likeness of these people, of whoever is like them, and so on."""
    found: dict[Two, Likeness] = {}
    seen: set[UUID] = set()
    ahead = set(people)
    while ahead:
        rows = (await db.execute(AROUND, {"people": sorted(ahead)})).mappings()
        found |= {each.two: each for each in map(_likeness, rows)}
        seen |= ahead
        ahead = {each for two in found for each in two} - seen
    return found


def _likeness(row: RowMapping) -> Likeness:
    told = {name: row[name] for name in ("noticed_at", "verdict", "by", "reason", "found_at")}
    return Likeness(two=(row["one_id"], row["other_id"]), why=tuple(row["why"]), **told)


async def notice(db: AsyncConnection, some: Sequence[Likeness]) -> None:
    """This will keep that people may be one; what was found of two already stays."""
    if some:
        await db.execute(NOTICE, [_row(each) for each in sorted(some, key=lambda each: each.two)])


def _row(likeness: Likeness) -> dict[str, Any]:
    one, other = likeness.two
    return {"one_id": one, "other_id": other, "why": list(likeness.why), "noticed_at": likeness.noticed_at}


async def keep_verdict(db: AsyncConnection, likeness: Likeness) -> None:
    """This will keep what a named person found of two, also of two whom nobody was asked about."""
    await notice(db, [likeness])
    (one, other), told = likeness.two, ("verdict", "by", "reason", "found_at")
    await db.execute(FIND, {"one": one, "other": other, **{name: getattr(likeness, name) for name in told}})
