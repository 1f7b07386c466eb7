"""Offers, matches, and the decisions they came from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.rules.assignment import Decision
from services.matching.rules.offers import Offer, OfferState, match_id
from services.matching.rules.supporter import one_to_one
from services.matching.store.tables import bridges, decisions, matches, offers, supporters
from shared.database import UtcTime, insert_or_ignore
from shared.ids import beside
from shared.several import among

FIELDS = ("offer_id", "referral_id", "person_id", "supporter_id", "state", "counts", "made_at", "answer_by")
ASK, JOIN, EXPLAIN = insert(offers), insert(matches), insert_or_ignore(decisions)
SOME = select(offers).where(among(offers.c.offer_id, "some"))
OF_AGENCIES = (
    select(offers, supporters.c.organisation, matches.c.match_id)
    .join(supporters, supporters.c.supporter_id == offers.c.supporter_id)
    .outerjoin(matches, matches.c.offer_id == offers.c.offer_id)
    .where(among(offers.c.offer_id, "some"))
)
OUT = select(offers).where(among(offers.c.referral_id, "referrals"), offers.c.state == literal_column("'open'"))
"""In words that the index of open offers is known by."""
CLOSE = update(offers).where(offers.c.offer_id == bindparam("one"), offers.c.state == "open")
END = (
    update(matches)
    .where(among(matches.c.match_id, "some"), matches.c.state == "active")
    .values(state="ended", ended_at=bindparam("at", type_=UtcTime()))
    .returning(matches.c.referral_id, matches.c.supporter_id, matches.c.counts)
)
SETTLE = (
    update(matches)
    .where(matches.c.state == "active", matches.c.counts == bindparam("new"), matches.c.made_at <= bindparam("before"))
    .values(counts=bindparam("settled"))
    .returning(matches.c.supporter_id)
)
FORMER = select(matches.c.person_id, matches.c.supporter_id).where(among(matches.c.person_id, "people"))


@dataclass(frozen=True, kw_only=True)
class Closed:
    """How an open offer ends; `by` is who said so and `code` why, where anybody did."""

    offer_id: UUID
    state: OfferState
    by: str | None = None
    code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ended:
    """Whose match is over, and what it counted."""

    referral_id: UUID | None
    supporter_id: UUID | None
    counts: int


async def hold(db: AsyncConnection, made: Sequence[Offer]) -> None:
    """This will write down offers; the database refuses a second open one, or to ask the same supporter twice."""
    if made:
        rows = [{each: getattr(offer, each) for each in FIELDS} for offer in made]
        await db.execute(ASK, [{**row, "offering_id": one_to_one(row["supporter_id"])} for row in rows])


async def some(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Offer]:
    """This will find some offers."""
    return {row.offer_id: _offer(row) for row in await db.execute(SOME, {"some": list(ids)})}


async def of_agencies(db: AsyncConnection, ids: Iterable[UUID]) -> dict[tuple[str, UUID], Offer]:
    """This will find some offers, by the organisation whose supporter was asked, and by id."""
    rows = await db.execute(OF_AGENCIES, {"some": list(ids)})
    return {(row.organisation, row.offer_id): replace(_offer(row), match=row.match_id) for row in rows}


async def offers_of(
    db: AsyncConnection, organisation: str, *, state: str | None, supporter_id: UUID | None, limit: int
) -> list[Offer]:
    """This will list the offers to an organisation's supporters, the most pressing first."""
    wanted = select(offers).join(supporters).where(supporters.c.organisation == organisation)
    if state is not None:
        wanted = wanted.where(offers.c.state == state)
    if supporter_id is not None:
        wanted = wanted.where(offers.c.supporter_id == supporter_id)
    rows = await db.execute(wanted.order_by(offers.c.answer_by, offers.c.offer_id).limit(limit))
    return [_offer(row) for row in rows]


async def open_offers(db: AsyncConnection, referral_ids: Iterable[UUID]) -> list[Offer]:
    """This will find the offers that are out for some referrals."""
    return [_offer(row) for row in await db.execute(OUT, {"referrals": list(referral_ids)})]


async def close(db: AsyncConnection, closed: Iterable[Closed], *, at: datetime) -> None:
    """This will end offers that are open."""
    rows = [
        {"one": each.offer_id, "state": each.state, "answered_at": at, "answered_by": each.by, "code": each.code}
        for each in closed
    ]
    if rows:
        await db.execute(CLOSE, rows)


async def match(db: AsyncConnection, accepted: Iterable[Offer], *, at: datetime) -> None:
    """This will join people and the offerings whose supporters said yes; the database refuses a second time."""
    rows = [
        {
            "match_id": match_id(each.offer_id),
            "referral_id": each.referral_id,
            "person_id": each.person_id,
            "supporter_id": each.supporter_id,
            "offer_id": each.offer_id,
            "counts": each.counts,
            "offering_id": one_to_one(each.supporter_id),
            "state": "active",
            "made_at": at,
        }
        for each in accepted
    ]
    if rows:
        await db.execute(JOIN, rows)


async def end(db: AsyncConnection, match_ids: Iterable[UUID], *, at: datetime) -> list[Ended]:
    """This will end matches, and give those that had not ended already."""
    return [Ended(**row) for row in (await db.execute(END, {"some": list(match_ids), "at": at})).mappings()]


async def settle(db: AsyncConnection, *, made_before: datetime, new_person: int, settled: int = 10) -> dict[UUID, int]:
    """This will let people who are no longer new count as one, and give the change of load by supporter."""
    freed: dict[UUID, int] = {}
    for (supporter_id,) in await db.execute(SETTLE, {"before": made_before, "new": new_person, "settled": settled}):
        if supporter_id is not None:
            freed[supporter_id] = freed.get(supporter_id, 0) + settled - new_person
    return freed


async def former_supporters(db: AsyncConnection, person_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """This will list, by person, the supporters they have or had a match with."""
    found: dict[UUID, set[UUID]] = {}
    for person_id, supporter_id in await db.execute(FORMER, {"people": list(person_ids)}):
        if supporter_id is not None:
            found.setdefault(person_id, set()).add(supporter_id)
    return found


async def explain(
    db: AsyncConnection, made: Sequence[Decision], *, policy_version: str, inputs: str, at: datetime
) -> None:
    """This will keep why decisions were made: parts, coverage, runner-up, funnel, and what they came from."""
    rows = [
        {
            "decision_id": beside(one.referral_id, inputs),
            **{each: getattr(one, each) for each in ("referral_id", "supporter_id", "unmet", "score", "coverage")},
            **{each: getattr(one, each) for each in ("parts", "runner_up", "margin", "funnel")},
            "policy_version": policy_version,
            "inputs": inputs,
            "decided_at": at,
        }
        for one in made
    ]
    if rows:
        await db.execute(EXPLAIN, rows)


async def decision_of(db: AsyncConnection, referral_id: UUID) -> Mapping[str, Any] | None:
    """This will give why the newest decision about a referral was made."""
    wanted = select(decisions).where(decisions.c.referral_id == referral_id).order_by(decisions.c.decided_at.desc())
    row = (await db.execute(wanted.limit(1))).mappings().first()
    return dict(row) if row else None


async def counts(db: AsyncConnection) -> dict[str, int]:
    """This will count offers by what became of them, matches, and bridges."""
    by_state = select(offers.c.state, func.count()).group_by(offers.c.state)
    found: dict[str, int] = {row[0]: row[1] for row in await db.execute(by_state)}
    return {
        "offers_made": sum(found.values()),
        **{
            f"offers_{state}": found.get(state, 0) for state in ("open", "accepted", "declined", "expired", "withdrawn")
        },
        "matches_made": await db.scalar(select(func.count()).select_from(matches)) or 0,
        "bridges_offered": await db.scalar(select(func.count()).select_from(bridges)) or 0,
    }


def _offer(row: Any) -> Offer:
    return Offer(**{each: getattr(row, each) for each in FIELDS})
