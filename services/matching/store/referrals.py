"""The people who were referred: who needs an offer, who waits, and who may have none for now."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.rules.people import Seeker
from services.matching.rules.turns import NOBODY_FITS, Turn, waits_for
from services.matching.store.tables import offers, referrals
from shared.database import UtcTime, upsert
from shared.events.referrals import Needs, Preferences, ReferralAccepted, ReferralAmended
from shared.several import among

PLAIN = ("referral_id", "person_id", "organisation", "site_id", "urgency", "arrived_at", "age_band", "funded", "part2")
Reading = tuple[Select[Any], Select[Any]]
"""Some referrals, and whom each was offered to with what became of it."""


def _reading(wanted: ColumnElement[bool]) -> Reading:
    asked = select(offers.c.referral_id, offers.c.supporter_id, offers.c.state).join(referrals).where(wanted)
    return select(referrals).where(wanted).order_by(referrals.c.referral_id), asked


STOPPED = (referrals.c.state == "held") | (referrals.c.state == "withdrawn")
UNMATCHED = (referrals.c.state == "waiting") | (referrals.c.state == "offered")
IN_NEED = _reading(referrals.c.state == "waiting")
UNSERVED = _reading((referrals.c.state == "waiting") & referrals.c.waitlisted_at.is_(None))
WAITING = _reading(UNMATCHED)
SOME = _reading(among(referrals.c.referral_id, "some"))
OF_PEOPLE = _reading(among(referrals.c.person_id, "people"))
TAKE_IN = upsert(
    referrals,
    keys=["referral_id"],
    change=[*PLAIN[1:], "zone", "needs", "preferences", "state"],
    where=STOPPED | (referrals.c.state == "ended"),
)
HASTEN = update(referrals).where(referrals.c.referral_id == bindparam("one")).values(urgency=bindparam("soon"))
PROTECT = update(referrals).where(among(referrals.c.referral_id, "some")).values(part2=True)
MOVE = (
    update(referrals)
    .where(among(referrals.c.referral_id, "some"))
    .values(state=bindparam("to"), waitlisted_at=None, waits_because=None)
)
WAITLIST = (
    update(referrals)
    .where(referrals.c.referral_id == bindparam("one"))
    .values(
        waitlisted_at=bindparam("at", type_=UtcTime()), waits_because=bindparam("why"), spells=referrals.c.spells + 1
    )
)
WAIT_ON = update(referrals).where(referrals.c.referral_id == bindparam("one")).values(waits_because=bindparam("why"))
LOSE = (
    update(referrals)
    .where(among(referrals.c.referral_id, "some"), referrals.c.state == "offered")
    .values(state="waiting", lost_offers=referrals.c.lost_offers + 1)
)


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
    db: AsyncConnection, accepted: Iterable[ReferralAccepted], zone_of: Callable[[str, str], str]
) -> None:
    """This will let referrals wait for an offer: new ones, and ones that were held; others stay as they are."""
    rows = [_row(each, zone_of(each.zone, each.site_id)) for each in accepted]
    if rows:
        await db.execute(TAKE_IN, rows)


def _row(fact: ReferralAccepted, zone: str) -> dict[str, Any]:
    return {
        **{name: getattr(fact, name) for name in PLAIN},
        "zone": zone,
        "needs": fact.needs.model_dump(mode="json"),
        "preferences": fact.preferences.model_dump(mode="json"),
        "state": "waiting",
    }


async def amend(db: AsyncConnection, facts: Iterable[ReferralAmended]) -> None:
    """This will keep how urgent referrals are now, and that some are protected, which nothing takes off."""
    news = list(facts)
    await db.execute(HASTEN, [{"one": each.referral_id, "soon": each.urgency} for each in news])
    await db.execute(PROTECT, {"some": [each.referral_id for each in news if each.part2]})


async def who_needs_an_offer(db: AsyncConnection, *, unserved_only: bool = False) -> list[Waiting]:
    """This will list who needs an offer; `unserved_only` leaves out those who already know that they wait."""
    return await _read(db, UNSERVED if unserved_only else IN_NEED)


async def who_waits(db: AsyncConnection) -> list[Waiting]:
    """This will list everybody who has no supporter yet and may have one."""
    return await _read(db, WAITING)


async def some(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Waiting]:
    """This will find some referrals."""
    return {each.seeker.referral_id: each for each in await _read(db, SOME, some=list(ids))}


async def of_people(db: AsyncConnection, person_ids: Iterable[UUID]) -> list[Waiting]:
    """This will list the referrals of some people."""
    return await _read(db, OF_PEOPLE, people=list(person_ids))


async def waiting_for_another(
    db: AsyncConnection, linked: Iterable[frozenset[UUID]], aside: Mapping[UUID, bool] | None = None
) -> dict[UUID, UUID]:
    """This will give which referrals of linked people wait, for one of the same human being that is served.

    `linked` are groups of people who are one human being. `aside` says of referrals that are decided on now whether
    nobody fits; of others it is what was found last.
    """
    groups = set(linked)
    known = await of_people(db, set().union(*groups)) if groups else []
    found: dict[UUID, UUID] = {}
    for group in groups:
        mine = [each for each in known if each.seeker.person_id in group]
        found |= waits_for(_turn(each, aside or {}) for each in mine)
    return found


def _turn(each: Waiting, aside: Mapping[UUID, bool]) -> Turn:
    one = each.seeker
    return Turn(
        referral_id=one.referral_id,
        state=each.state,
        aside=aside.get(one.referral_id, each.waits_because in NOBODY_FITS),
        urgency=one.urgency,
        arrived_at=one.arrived_at,
    )


async def move_to(db: AsyncConnection, ids: Iterable[UUID], state: str) -> None:
    """This will put referrals into a state in which they wait no longer, as far as anybody knows."""
    some = list(ids)
    if some:
        await db.execute(MOVE, {"some": some, "to": state})


async def waitlist(db: AsyncConnection, reasons: Mapping[UUID, str], *, at: datetime) -> None:
    """This will begin a spell of waiting for some referrals, by reason."""
    rows = [{"one": each, "why": why, "at": at} for each, why in reasons.items()]
    if rows:
        await db.execute(WAITLIST, rows)


async def wait_on(db: AsyncConnection, reasons: Mapping[UUID, str]) -> None:
    """This will keep that some who wait do so for another reason now."""
    rows = [{"one": each, "why": why} for each, why in reasons.items()]
    if rows:
        await db.execute(WAIT_ON, rows)


async def lose_offers(db: AsyncConnection, ids: Iterable[UUID]) -> None:
    """This will let referrals need an offer again, after one was declined or ran out."""
    await db.execute(LOSE, {"some": list(ids)})


async def _read(db: AsyncConnection, reading: Reading, **given: Any) -> list[Waiting]:
    wanted, told = reading
    rows = (await db.execute(wanted, given)).all()
    asked: dict[UUID, list[tuple[UUID, str]]] = {}
    for each in (await db.execute(told, given)).all() if rows else ():
        asked.setdefault(each.referral_id, []).append((each.supporter_id, each.state))
    return [_waiting(row, asked.get(row.referral_id, [])) for row in rows]


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
    wanted = select(referrals.c.site_id, referrals.c.arrived_at).where(UNMATCHED)
    return [(row.site_id, row.arrived_at) for row in await db.execute(wanted)]
