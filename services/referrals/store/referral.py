"""Referrals: kept once by their placer's identifier, found again by it or by our id."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.clock import Step
from services.referrals.rules.journey import State
from services.referrals.rules.order import Identifier, ReferralOrder
from services.referrals.rules.protection import protected
from services.referrals.rules.triage import Outcome
from services.referrals.store.fingerprints import alike, named_by, numbered, placer_of
from services.referrals.store.tables import referrals
from shared.database import lock
from shared.events.fact import Urgency
from shared.several import among


@dataclass(frozen=True, kw_only=True)
class Referral:
    """A referral as the store keeps it."""

    referral_id: UUID
    person_id: UUID
    organisation: str
    site_id: str
    content: str
    order: ReferralOrder
    part2: bool
    first_outcome: Outcome
    state: State
    reasons: tuple[str, ...]
    arrived_at: datetime
    told_at: datetime
    latest: str
    withheld: bool = False
    crisis_at: datetime | None = None
    paged_at: datetime | None = None
    acknowledged_at: datetime | None = None
    told: str | None = None
    test: bool = False
    guardian: dict[str, str] | None = None
    awaits: Step | None = None
    act_by: datetime | None = None
    rings_at: datetime | None = None
    visits_from: datetime | None = None
    visits_until: datetime | None = None
    last_kept_at: datetime | None = None
    urgency: Urgency | None = None
    contact_learnt_at: datetime | None = None

    @property
    def ended_by_sender(self) -> bool:
        """Whether it is over because its referrer took it back."""
        return self.state == "refused" and self.reasons[:1] in (("withdrawn",), ("entered_in_error",))

    @property
    def never_had(self) -> bool:
        """Whether it was taken back with the very post by which we heard of it."""
        return self.first_outcome == "refused" and self.ended_by_sender


CLOCK = ("awaits", "act_by", "rings_at", "visits_from", "visits_until", "last_kept_at", "urgency")
PLAIN = tuple(each for each in Referral.__dataclass_fields__ if each not in ("order", "reasons"))
"""What is kept as it is."""

ADD = insert(referrals)
CHANGE = update(referrals).where(referrals.c.referral_id == bindparam("one"))
BY_IDS = select(referrals).where(among(referrals.c.referral_id, "ids"))
BY_PLACER = select(referrals.c.placer, referrals.c.referral_id).where(
    among(referrals.c.organisation, "organisations"), among(referrals.c.placer, "placers")
)
IDS_OF_PEOPLE = select(referrals.c.referral_id).where(among(referrals.c.person_id, "people"))
BY_NUMBER = (
    select(referrals.c.placer_value, referrals.c.referral_id)
    .where(among(referrals.c.organisation, "organisations"), among(referrals.c.placer_value, "numbers"))
    .order_by(referrals.c.arrived_at)
)
ALIKE = select(referrals.c.placer_alike, referrals.c.referral_id).where(
    among(referrals.c.organisation, "organisations"), among(referrals.c.placer_alike, "prints")
)


async def add(db: AsyncConnection, some: Sequence[Referral]) -> None:
    """This will keep new referrals."""
    if some:
        await db.execute(ADD, [_row(each) for each in some])


def _row(referral: Referral) -> dict[str, Any]:
    return {
        **{each: getattr(referral, each) for each in PLAIN},
        "placer": placer_of(referral.organisation, referral.order),
        "placer_value": numbered(referral.organisation, referral.order.identifier),
        "placer_alike": alike(referral.organisation, referral.order.identifier),
        "words": _words(referral.order),
        "reasons": list(referral.reasons),
        "discharged_on": referral.order.discharged_on,
    }


def _words(order: ReferralOrder) -> dict[str, Any]:
    return order.model_dump(mode="json", exclude_none=True)


async def change(db: AsyncConnection, some: Sequence[Referral]) -> None:
    """This will keep all that may change of referrals but what their referrers were told."""
    rows = [
        {
            "one": each.referral_id,
            "person_id": each.person_id,
            "site_id": each.site_id,
            "content": each.content,
            "first_outcome": each.first_outcome,
            "arrived_at": each.arrived_at,
            "state": each.state,
            "reasons": list(each.reasons),
            "words": _words(each.order),
            "part2": each.part2,
            "withheld": each.withheld,
            "guardian": each.guardian,
            "discharged_on": each.order.discharged_on,
            "latest": each.latest,
            "crisis_at": each.crisis_at,
            "paged_at": each.paged_at,
            "acknowledged_at": each.acknowledged_at,
            "contact_learnt_at": each.contact_learnt_at,
            **_clock(each),
        }
        for each in some
    ]
    if rows:
        await db.execute(CHANGE, rows)


async def move(db: AsyncConnection, some: Sequence[Referral]) -> None:
    """This will keep the states and clocks of several referrals."""
    if some:
        await db.execute(CHANGE, [{"one": each.referral_id, "state": each.state, **_clock(each)} for each in some])


def _clock(referral: Referral) -> dict[str, Any]:
    return {name: getattr(referral, name) for name in CLOCK}


async def tell(db: AsyncConnection, told: Mapping[UUID, str], at: datetime) -> None:
    """This will remember, by fingerprint, what each referral's referrer was told last."""
    if told:
        await db.execute(CHANGE, [{"one": each, "told": told[each], "told_at": at} for each in told])


def referral_of(row: Any) -> Referral:
    """This will give a referral as a row of the table has it."""
    kept, order = {each: row[each] for each in PLAIN}, ReferralOrder.model_validate(row["words"])
    # An older version looked at fewer words.
    part2 = row["part2"] or protected(order)
    return Referral(**kept | {"part2": part2}, reasons=tuple(row["reasons"]), order=order)


async def by_ids(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Referral]:
    """This will give the referrals of these ids that exist."""
    found = await db.execute(BY_IDS, {"ids": list(ids)})
    return {row["referral_id"]: referral_of(row) for row in found.mappings()}


async def alone(db: AsyncConnection, ids: Iterable[UUID], *besides: str) -> dict[UUID, Referral]:
    """This will give the referrals of these ids that exist, for this transaction alone to change until it ends.

    Whoever comes with one of these ids, or of the names `besides`, waits until then, also where there is no such
    referral yet.
    """
    wanted = set(ids)
    await lock(db, *map(str, wanted), *besides)
    return await by_ids(db, wanted)


async def ids_by_placer(db: AsyncConnection, organisations: Iterable[str], placers: Iterable[str]) -> dict[str, UUID]:
    """This will give the ids of referrals by their placers' fingerprints."""
    wanted = {"organisations": sorted(set(organisations)), "placers": sorted(set(placers))}
    return {row.placer: row.referral_id for row in await db.execute(BY_PLACER, wanted)}


async def ids_by_number(db: AsyncConnection, organisations: Iterable[str], numbers: Iterable[str]) -> dict[str, UUID]:
    """This will give, by the fingerprints of placers' numbers, the first referral that has each."""
    wanted = {"organisations": sorted(set(organisations)), "numbers": sorted(set(numbers))}
    if not wanted["numbers"]:
        return {}
    found: dict[str, UUID] = {}
    for row in await db.execute(BY_NUMBER, wanted):
        found.setdefault(row.placer_value, row.referral_id)
    return found


async def ids_alike(db: AsyncConnection, organisations: Iterable[str], prints: Iterable[str]) -> dict[str, list[UUID]]:
    """This will give, by such a fingerprint, the referrals whose placers' numbers are the same in some case."""
    wanted = {"organisations": sorted(set(organisations)), "prints": sorted(set(prints))}
    if not wanted["prints"]:
        return {}
    found: dict[str, list[UUID]] = {}
    for row in await db.execute(ALIKE, wanted):
        found.setdefault(row.placer_alike, []).append(row.referral_id)
    return found


async def ids_of_people(db: AsyncConnection, people: Iterable[UUID]) -> list[UUID]:
    """This will list the ids of people's referrals."""
    return list((await db.execute(IDS_OF_PEOPLE, {"people": sorted(people)})).scalars())


async def overdue(db: AsyncConnection, *, at: datetime) -> int:
    """This will count the referrals of people whose clock has run out."""
    return int(await db.scalar(select(func.count()).where(referrals.c.act_by <= at, ~referrals.c.test)) or 0)


async def by_id(db: AsyncConnection, referral_id: UUID, organisation: str | None = None) -> Referral | None:
    """This will give one referral, only if it is the organisation's own where one is named."""
    found = (await by_ids(db, [referral_id])).get(referral_id)
    return found if found and organisation in (None, found.organisation) else None


async def by_placer(db: AsyncConnection, organisation: str, identifier: Identifier) -> Referral | None:
    """This will give an organisation's referral by its own identifier; without a system, the first with that number."""
    exact = referrals.c.placer == named_by(organisation, identifier)
    anywhere = referrals.c.placer_value == numbered(organisation, identifier)
    own = select(referrals).where(referrals.c.organisation == organisation, exact if identifier.system else anywhere)
    row = (await db.execute(own.order_by(referrals.c.arrived_at).limit(1))).mappings().first()
    return referral_of(row) if row else None


async def has_others(db: AsyncConnection, organisation: str, *, test: bool) -> bool:
    """This will say whether an organisation has referrals that are not what it is for: for tests, or of people."""
    others = ~referrals.c.test if test else referrals.c.test
    wanted = select(referrals.c.referral_id).where(referrals.c.organisation == organisation, others).limit(1)
    return (await db.execute(wanted)).first() is not None


async def referrers(db: AsyncConnection) -> set[str]:
    """This will give the organisations that have referrals."""
    return set((await db.execute(select(referrals.c.organisation).distinct())).scalars())


async def listed(
    db: AsyncConnection,
    *,
    state: str | None,
    organisation: str | None,
    late: datetime | None = None,
    after: UUID | None,
    limit: int,
) -> list[tuple[UUID, State]]:
    """This will list ids and states, in order of id, beginning after one; those for tests only of one organisation.

    With `late` it lists whose clock ran out by then: never one for tests.
    """
    wanted = select(referrals.c.referral_id, referrals.c.state).order_by(referrals.c.referral_id).limit(limit)
    if state:
        wanted = wanted.where(referrals.c.state == state)
    wanted = wanted.where(referrals.c.organisation == organisation if organisation else ~referrals.c.test)
    if late:
        wanted = wanted.where(referrals.c.act_by <= late, ~referrals.c.test)
    if after:
        wanted = wanted.where(referrals.c.referral_id > after)
    return [(row.referral_id, row.state) for row in await db.execute(wanted)]
