"""Offers, matches, and the decisions they came from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.rules.assignment import Decision
from services.matching.rules.offers import Offer, OfferState, match_id
from services.matching.rules.supporter import one_to_one
from services.matching.store.tables import bridges, decisions, matches, offers, supporters
from shared.database import insert_or_ignore

FIELDS = ("offer_id", "referral_id", "person_id", "supporter_id", "state", "counts", "made_at", "answer_by")


async def hold(db: AsyncConnection, made: Sequence[Offer]) -> None:
    """This will write down offers; the database refuses a second open one, or to ask the same supporter twice."""
    if made:
        rows = [{each: getattr(offer, each) for each in FIELDS} for offer in made]
        await db.execute(insert(offers), [{**row, "offering_id": one_to_one(row["supporter_id"])} for row in rows])


async def offer(db: AsyncConnection, offer_id: UUID, *, organisation: str | None = None) -> Offer | None:
    """This will find an offer, of one organisation's supporters if it is named."""
    wanted = select(offers).where(offers.c.offer_id == offer_id)
    if organisation is not None:
        wanted = wanted.join(supporters).where(supporters.c.organisation == organisation)
    row = (await db.execute(wanted)).first()
    return _offer(row) if row else None


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


async def open_offer(db: AsyncConnection, referral_id: UUID) -> Offer | None:
    """This will find the offer that is out for a referral."""
    wanted = select(offers).where(offers.c.referral_id == referral_id, offers.c.state == "open")
    row = (await db.execute(wanted)).first()
    return _offer(row) if row else None


async def close(
    db: AsyncConnection,
    offer_id: UUID,
    state: OfferState,
    *,
    at: datetime,
    by: str | None = None,
    code: str | None = None,
) -> bool:
    """This will end an open offer, and say whether it was open."""
    changed = update(offers).where(offers.c.offer_id == offer_id, offers.c.state == "open")
    values = {"state": state, "answered_at": at, "answered_by": by, "code": code}
    return bool((await db.execute(changed.values(**values))).rowcount)


async def match(db: AsyncConnection, accepted: Offer, *, at: datetime) -> UUID:
    """This will join a person and the offering whose supporter said yes; the database refuses a second time."""
    made = match_id(accepted.offer_id)
    row = {
        "match_id": made,
        **{
            each: getattr(accepted, each) for each in ("referral_id", "person_id", "supporter_id", "offer_id", "counts")
        },
        "offering_id": one_to_one(accepted.supporter_id),
        "state": "active",
        "made_at": at,
    }
    await db.execute(insert(matches).values(row))
    return made


async def end(db: AsyncConnection, match: UUID, *, at: datetime) -> tuple[UUID | None, UUID | None, int] | None:
    """This will end a match, and give its referral, supporter and what it counted; None when it had ended already."""
    changed = update(matches).where(matches.c.match_id == match, matches.c.state == "active")
    ended = changed.values(state="ended", ended_at=at).returning(
        matches.c.referral_id, matches.c.supporter_id, matches.c.counts
    )
    row = (await db.execute(ended)).first()
    return (row.referral_id, row.supporter_id, row.counts) if row else None


async def settle(db: AsyncConnection, *, made_before: datetime, new_person: int, settled: int = 10) -> dict[UUID, int]:
    """This will let people who are no longer new count as one, and give the change of load by supporter."""
    still_new = (matches.c.state == "active") & (matches.c.counts == new_person) & (matches.c.made_at <= made_before)
    changed = update(matches).where(still_new).values(counts=settled).returning(matches.c.supporter_id)
    freed: dict[UUID, int] = {}
    for (supporter_id,) in await db.execute(changed):
        if supporter_id is not None:
            freed[supporter_id] = freed.get(supporter_id, 0) + settled - new_person
    return freed


async def former_supporters(db: AsyncConnection, person_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    """This will list, by person, the supporters they have or had a match with."""
    found: dict[UUID, set[UUID]] = {}
    wanted = select(matches.c.person_id, matches.c.supporter_id).where(matches.c.person_id.in_(person_ids))
    for person_id, supporter_id in await db.execute(wanted):
        if supporter_id is not None:
            found.setdefault(person_id, set()).add(supporter_id)
    return found


async def explain(
    db: AsyncConnection, made: Sequence[Decision], *, policy_version: str, inputs: str, at: datetime
) -> None:
    """This will keep why decisions were made: parts, coverage, runner-up, funnel, and what they came from."""
    rows = [
        {
            "decision_id": uuid5(one.referral_id, inputs),
            **{each: getattr(one, each) for each in ("referral_id", "supporter_id", "unmet", "score", "coverage")},
            **{each: getattr(one, each) for each in ("parts", "runner_up", "margin", "funnel")},
            "policy_version": policy_version,
            "inputs": inputs,
            "decided_at": at,
        }
        for one in made
    ]
    if rows:
        await db.execute(insert_or_ignore(decisions).values(rows))


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
