"""Decides which letters are news: known ones are ignored, the next is applied, what came too early is parked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import real
from shared.database import insert_or_ignore, lock, upsert
from shared.mailbox.letter import UNREAD, Letter, put_away, take_out
from shared.mailbox.tables import heard, inbox, letters
from shared.several import among

Place = tuple[str, str]
NOBODY = 2**63 - 1
"""The version of the first who waits, where nobody does."""

REACH = upsert(heard, keys=["source", "key"], change=["version"])
REACHED = select(heard).where(among(heard.c.key, "keys"), among(heard.c.source, "sources"))
SEEN = select(inbox.c.event_id).where(among(inbox.c.event_id, "some"))
KEPT_ASIDE = select(letters).where(among(letters.c.event_id, "some"))
FORGET = delete(letters).where(among(letters.c.event_id, "some"))
HEARD = insert(inbox)
ASIDE = insert_or_ignore(letters)
PLACE = and_(heard.c.source == letters.c.source, heard.c.key == letters.c.key)
HEARD_OF = func.coalesce(heard.c.version, 0)
WAITING = (
    select(letters.c.source, letters.c.key, func.min(letters.c.version).label("first"))
    .outerjoin(heard, PLACE)
    .where(among(letters.c.key, "keys"), among(letters.c.source, "sources"))
    .where(letters.c.version > HEARD_OF, ~among(letters.c.event_id, "taken"))
    .group_by(letters.c.source, letters.c.key)
)
"""The first letter of each key that waits, beside those in hand."""


@dataclass
class Sorted:
    """Letters by what is to be done with them, each list in order."""

    news: list[Letter] = field(default_factory=list)
    early: list[Letter] = field(default_factory=list)
    known: list[Letter] = field(default_factory=list)
    reached: dict[Place, int] = field(default_factory=dict)


async def hold(db: AsyncConnection, some: Iterable[Letter]) -> None:
    """This will let nobody else hear, or treat, these letters and those about the same until the transaction ends."""
    await lock(db, *{f"hear {each.source} {each.partition}" for each in some})


async def sort(db: AsyncConnection, incoming: Sequence[Letter]) -> Sorted:
    """This will sort letters against what was heard before, and let nobody else hear them meanwhile."""
    await hold(db, incoming)
    reached = await _reached(db, {(each.source, each.key) for each in incoming if each.version != UNREAD})
    waiting = await _waiting(db, incoming, reached)
    seen = await _seen(db, [each for each in incoming if each.version == UNREAD])
    found = Sorted(reached={})
    for each in sorted(incoming, key=lambda letter: letter.version):
        if each.version == UNREAD:
            (found.known if each.event_id in seen else found.news).append(each)
            seen.add(each.event_id)
            continue
        place = each.source, each.key
        before = reached.get(place, 0)
        if each.version <= before:
            found.known.append(each)
        elif each.follows(before) and (each.version == before + 1 or each.version < waiting.get(place, NOBODY)):
            found.news.append(each)
            reached[place] = found.reached[place] = each.version
        else:
            found.early.append(each)
            waiting[place] = min(each.version, waiting.get(place, NOBODY))
    return found


async def _reached(db: AsyncConnection, places: set[Place]) -> dict[Place, int]:
    if not places:
        return {}
    return {(row.source, row.key): row.version for row in await db.execute(REACHED, _some(places))}


def _some(places: set[Place]) -> dict[str, list[str]]:
    return {"keys": sorted({key for _, key in places}), "sources": sorted({source for source, _ in places})}


async def _waiting(db: AsyncConnection, incoming: Sequence[Letter], reached: Mapping[Place, int]) -> dict[Place, int]:
    """This will find what those who would jump may not jump over; where nobody would, nothing is asked."""
    places = {(each.source, each.key) for each in incoming if _jumps(each, reached.get((each.source, each.key), 0))}
    if not places:
        return {}
    taken = {"taken": [each.event_id for each in incoming]}
    rows = await db.execute(WAITING, {**_some(places), **taken})
    return {(row.source, row.key): row.first for row in rows}


def _jumps(letter: Letter, before: int) -> bool:
    return letter.version > before + 1 and letter.follows(before)


async def _seen(db: AsyncConnection, unordered: Sequence[Letter]) -> set[Any]:
    if not unordered:
        return set()
    return set((await db.execute(SEEN, {"some": [each.event_id for each in unordered]})).scalars())


async def mark(db: AsyncConnection, sorted_letters: Sorted) -> None:
    """This will write down, in the transaction of the effects, what was heard and what waits."""
    posted = [each for each in sorted_letters.news if each.version == UNREAD]
    if posted:
        now = real()
        rows = [{"event_id": each.event_id, "source": each.source, "heard_at": now} for each in posted]
        await db.execute(HEARD, rows)
    if sorted_letters.reached:
        rows = [
            {"source": source, "key": key, "version": version}
            for (source, key), version in sorted(sorted_letters.reached.items())
        ]
        await db.execute(REACH, rows)
    await put_aside(db, sorted_letters.early, state="parked")


async def put_aside(
    db: AsyncConnection,
    some: Iterable[Letter],
    *,
    state: str,
    attempts: int = 0,
    error: str = "",
    pause: timedelta = timedelta(),
) -> None:
    """This will keep letters, sealed, until their turn comes (`parked`), or until they are tried again."""
    now = real()
    waits = {"state": state, "attempts": attempts, "error": error, "put_aside_at": now, "next_try": now + pause}
    rows = [{**put_away(each), **waits} for each in some]
    if rows:
        await db.execute(ASIDE, rows)


async def still_aside(db: AsyncConnection, some: Sequence[Letter]) -> list[Letter]:
    """This will give those that are still put aside with the words that were read, and keep them so meanwhile."""
    await hold(db, some)
    kept = (await db.execute(KEPT_ASIDE, {"some": [each.event_id for each in some]})).mappings()
    words = {letter.event_id: letter.body for letter in map(take_out, kept)}
    return [each for each in some if words.get(each.event_id) == each.body]


async def forget_aside(db: AsyncConnection, some: Iterable[Letter]) -> None:
    """This will let go of letters that were put aside and have now been heard."""
    await db.execute(FORGET, {"some": [each.event_id for each in some]})
