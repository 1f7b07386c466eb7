"""What insurers told of members: kept by a keyed fingerprint, whether or not anybody here is that member."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import bindparam, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules.authorisations import Authorisation
from services.scheduling.rules.told import Span, Statement
from services.scheduling.store.tables import coverages, statements
from shared.database import UtcTime, upsert
from shared.several import among

STATEMENTS = UUID("7a1d0c5e-3b52-5a0e-9f0b-64c1f2a87d15")
AT_ONCE = 500
KEPT = ("statement_id", "payer", "member_key", "kind", "words", "as_of")


@dataclass(frozen=True, kw_only=True)
class Words:
    """What an insurer told of one member; `spans` None where it told nothing of the days."""

    spans: tuple[Span, ...] | None = None
    authorisations: tuple[Authorisation, ...] = ()


NOTHING = Words()


def statement_id(member_key: str, kind: str, number: str = "") -> UUID:
    """This will give the id under which a statement replaces the one before it."""
    return uuid5(STATEMENTS, "\x1f".join((member_key, kind, number)))


async def known(db: AsyncConnection, statement_ids: Iterable[UUID], *, since: datetime) -> dict[UUID, Statement]:
    """This will find statements by their ids, those that are there as of some moment or later.

    Older ones are kept of members alone: to look at them would tell who is one.
    """
    rows = (await db.execute(_BY_ID, {"some": list(statement_ids), "since": since})).mappings()
    return {row["statement_id"]: Statement(**{each: row[each] for each in KEPT}) for row in rows}


async def keep(db: AsyncConnection, some: Collection[Statement], *, at: datetime) -> None:
    """This will keep statements in the place of those before them."""
    rows = [{**{each: getattr(one, each) for each in KEPT}, "heard_at": at} for one in some]
    if rows:
        await db.execute(_KEEP, rows)


async def forget_strangers(db: AsyncConnection, *, before: datetime, at: datetime) -> bool:
    """This will forget, of what was told longest ago, what is about nobody here; the rest is looked at as often again.

    It looks at 500 statements told before a moment at most, and says whether there may be more.
    """
    old = (await db.execute(_OLD, {"before": before})).scalars().all()
    if old:
        await db.execute(_FORGET, {"some": old, "before": before})
        await db.execute(_LOOKED_AT, {"some": old, "before": before, "at": at})
    return len(old) == AT_ONCE


async def people_of(db: AsyncConnection, member_keys: Iterable[str]) -> set[UUID]:
    """This will list the people who are members under these fingerprints."""
    return set((await db.execute(_PEOPLE, {"keys": list(member_keys)})).scalars())


async def words_of(db: AsyncConnection, member_keys: Iterable[str]) -> dict[str, Words]:
    """This will give what insurers told of members, of those they told anything of."""
    spans: dict[str, tuple[Span, ...]] = {}
    granted: dict[str, list[Authorisation]] = {}
    for row in (await db.execute(_OF_MEMBERS, {"keys": list(member_keys)})).mappings():
        if row["kind"] == "coverage":
            spans[row["member_key"]] = tuple(Span.model_validate(each) for each in row["words"]["spans"])
        else:
            granted.setdefault(row["member_key"], []).append(_authorisation(row["words"]))
    return {
        each: Words(spans=spans.get(each), authorisations=tuple(granted.get(each, ()))) for each in {*spans, *granted}
    }


def _authorisation(words: dict[str, Any]) -> Authorisation:
    first, last = (date.fromisoformat(words[each]) if words[each] else None for each in ("from", "to"))
    return Authorisation(
        number=words["authorisation"],
        units=words["units"],
        code=words["code"],
        first=first,
        last=last,
        counts=words["status"] in ("approved", "reduced"),
    )


_BY_ID = select(statements).where(
    among(statements.c.statement_id, "some"), statements.c.as_of >= bindparam("since", type_=UtcTime())
)
_KEEP = upsert(statements, keys=["statement_id"], change=["words", "as_of", "heard_at"])
# What is told anew meanwhile is not old any more: the database looks again when it changes a row.
_IS_OLD = statements.c.heard_at < bindparam("before", type_=UtcTime())
_OLD = select(statements.c.statement_id).where(_IS_OLD).order_by(statements.c.heard_at).limit(AT_ONCE)
_SOME = among(statements.c.statement_id, "some")
_FORGET = delete(statements).where(_SOME, _IS_OLD, ~exists().where(coverages.c.member_key == statements.c.member_key))
_LOOKED_AT = update(statements).where(_SOME, _IS_OLD).values(heard_at=bindparam("at", type_=UtcTime()))
_PEOPLE = select(coverages.c.person_id).where(among(coverages.c.member_key, "keys")).distinct()
_OF_MEMBERS = (
    select(statements.c.member_key, statements.c.kind, statements.c.words)
    .where(among(statements.c.member_key, "keys"))
    .order_by(statements.c.statement_id)
)
