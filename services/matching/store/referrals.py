"""The people who were referred: who needs an offer, who waits, and who may have none for now."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.rules.people import Seeker
from services.matching.store.tables import offers, referrals
from shared.database import insert_or_ignore
from shared.events.referrals import Needs, Preferences, ReferralAccepted

STOPPED = ("held", "withdrawn")
PLAIN = ("referral_id", "person_id", "organisation", "site_id", "urgency", "arrived_at", "age_band", "funded", "part2")


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Somebody with a referral, and how they have fared; `bridged` says whether anything was offered meanwhile."""

    seeker: Seeker
    state: str
    waitlisted_at: datetime | None
    waits_because: str | None
    bridged: bool
    offers_made: int


async def take_in(
    db: AsyncConnection, accepted: Sequence[ReferralAccepted], zone_of: Callable[[str, str], str]
) -> None:
    """This will let referrals wait for an offer: new ones, and ones that were held; others stay as they are."""
    if not accepted:
        return
    rows = {each.referral_id: _row(each, zone_of(each.zone, each.site_id)) for each in accepted}
    await db.execute(insert_or_ignore(referrals).values(list(rows.values())))
    stopped = select(referrals.c.referral_id).where(
        referrals.c.referral_id.in_(list(rows)), referrals.c.state.in_(STOPPED)
    )
    for referral_id in list((await db.execute(stopped)).scalars()):
        again = update(referrals).where(referrals.c.referral_id == referral_id)
        await db.execute(again.values(**rows[referral_id]))


def _row(fact: ReferralAccepted, zone: str) -> dict[str, Any]:
    return {
        **{name: getattr(fact, name) for name in PLAIN},
        "zone": zone,
        "needs": fact.needs.model_dump(mode="json"),
        "preferences": fact.preferences.model_dump(mode="json"),
        "state": "waiting",
    }


async def who_needs_an_offer(db: AsyncConnection, *, unserved_only: bool = False) -> list[Waiting]:
    """This will list who needs an offer; `unserved_only` leaves out those who already know that they wait."""
    wanted: ColumnElement[bool] = referrals.c.state == "waiting"
    if unserved_only:
        wanted &= referrals.c.waitlisted_at.is_(None)
    return await _read(db, wanted)


async def who_waits(db: AsyncConnection) -> list[Waiting]:
    """This will list everybody who has no supporter yet and may have one."""
    return await _read(db, referrals.c.state.in_(("waiting", "offered")))


async def some(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Waiting]:
    """This will find some referrals."""
    found = await _read(db, referrals.c.referral_id.in_(sorted(set(ids))))
    return {each.seeker.referral_id: each for each in found}


async def of_person(db: AsyncConnection, person_id: UUID) -> list[Waiting]:
    """This will list a person's referrals."""
    return await _read(db, referrals.c.person_id == person_id)


async def offer(db: AsyncConnection, ids: Sequence[UUID]) -> None:
    """This will mark referrals as having an offer out: they wait no longer, as far as anybody knows."""
    if ids:
        changed = update(referrals).where(referrals.c.referral_id.in_(ids))
        await db.execute(changed.values(state="offered", waitlisted_at=None, waits_because=None))


async def waitlist(db: AsyncConnection, reasons: Mapping[UUID, str], *, at: datetime) -> None:
    """This will begin a spell of waiting for some referrals, by reason."""
    for reason in sorted(set(reasons.values())):
        ids = [each for each, why in reasons.items() if why == reason]
        changed = update(referrals).where(referrals.c.referral_id.in_(ids))
        await db.execute(changed.values(waitlisted_at=at, waits_because=reason, spells=referrals.c.spells + 1))


async def lose_offer(db: AsyncConnection, referral_id: UUID) -> None:
    """This will let a referral need an offer again, after one was declined or ran out."""
    changed = update(referrals).where(referrals.c.referral_id == referral_id, referrals.c.state == "offered")
    await db.execute(changed.values(state="waiting", lost_offers=referrals.c.lost_offers + 1))


async def move_to(db: AsyncConnection, referral_id: UUID, state: str) -> None:
    """This will put a referral into a state in which it does not wait."""
    changed = update(referrals).where(referrals.c.referral_id == referral_id)
    await db.execute(changed.values(state=state, waitlisted_at=None, waits_because=None))


async def _read(db: AsyncConnection, wanted: ColumnElement[bool]) -> list[Waiting]:
    rows = (await db.execute(select(referrals).where(wanted).order_by(referrals.c.referral_id))).all()
    asked = await _asked(db, wanted)
    return [_waiting(row, asked.get(row.referral_id, [])) for row in rows]


async def _asked(db: AsyncConnection, wanted: ColumnElement[bool]) -> dict[UUID, list[tuple[UUID, str]]]:
    """This will list whom each of the wanted referrals was offered to, and what became of it."""
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    told = select(offers.c.referral_id, offers.c.supporter_id, offers.c.state).join(referrals).where(wanted)
    for referral_id, supporter_id, state in await db.execute(told):
        found.setdefault(referral_id, []).append((supporter_id, state))
    return found


def _waiting(row: Any, asked: list[tuple[UUID, str]]) -> Waiting:
    seeker = Seeker(
        **{
            each: getattr(row, each)
            for each in ("referral_id", "person_id", "site_id", "zone", "urgency", "arrived_at")
        },
        age_band=row.age_band,
        needs=Needs.model_validate(row.needs),
        preferences=Preferences.model_validate(row.preferences),
        funded=row.funded,
        lost_offers=row.lost_offers,
        asked=frozenset(supporter_id for supporter_id, state in asked if state != "withdrawn"),
    )
    return Waiting(
        seeker=seeker,
        state=row.state,
        waitlisted_at=row.waitlisted_at,
        waits_because=row.waits_because,
        bridged=row.bridged_at is not None,
        offers_made=len(asked),
    )


async def count_waiting(db: AsyncConnection) -> int:
    """This will count who is on the waiting list now."""
    listed = referrals.c.waitlisted_at.is_not(None) & (referrals.c.state == "waiting")
    return await db.scalar(select(func.count()).select_from(referrals).where(listed)) or 0


async def count_ever_waitlisted(db: AsyncConnection) -> int:
    """This will count the referrals that were ever on the waiting list."""
    return await db.scalar(select(func.count()).select_from(referrals).where(referrals.c.spells > 0)) or 0


async def arrivals(db: AsyncConnection) -> list[tuple[str, datetime]]:
    """This will list site and arrival of everybody who has no supporter yet."""
    wanted = select(referrals.c.site_id, referrals.c.arrived_at).where(referrals.c.state.in_(("waiting", "offered")))
    return [(row.site_id, row.arrived_at) for row in await db.execute(wanted)]
