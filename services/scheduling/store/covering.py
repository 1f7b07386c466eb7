"""Members, supporters' standing, recorded seats, and what was judged of them."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import RowMapping, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules.seats import Coverage, Judgement, Recorded, Standing
from services.scheduling.store.tables import coverages, labels, seats, sessions, supporters
from shared.database import upsert
from shared.events.matching import SupporterRegistered
from shared.events.referrals import CoverageShared, ReferralAccepted
from shared.sealed import lookup

MEMBER = (
    "member_id",
    "birth_date",
    "diagnosis_class",
    "covered_from",
    "covered_to",
    "ordered_on",
    "authorisation",
    "authorised_units",
)
DATES = ("birth_date", "covered_from", "covered_to", "ordered_on")
JUDGED = (
    "coverage_id",
    "payer",
    "plan_id",
    "service_date",
    "code",
    "place_of_service",
    "rule_version",
    "units_delivered",
    "units_covered",
    "denied",
    "authorisation",
    "authorised_left",
)


def member_key(payer: str, member_id: str, birth_date: date) -> str:
    """This will give what a member is found by, without keeping the number."""
    return lookup("member", payer, member_id, birth_date.isoformat())


async def remember_coverage(db: AsyncConnection, told: CoverageShared, *, at: datetime) -> None:
    """This will keep who insures a person, as told last for a referral."""
    row = {
        "coverage_id": uuid5(told.person_id, str(told.referral_id)),
        **told.model_dump(include={"person_id", "referral_id", "payer", "plan_id", "restricted"}),
        "member_key": member_key(told.payer, told.member_id, date.fromisoformat(told.birth_date)),
        "member": told.model_dump(include=set(MEMBER)),
        "heard_at": at,
    }
    change = [each for each in row if each not in ("coverage_id", "person_id", "referral_id")]
    await db.execute(upsert(coverages, keys=["coverage_id"], change=change).values(row))


async def remember_supporter(db: AsyncConnection, told: SupporterRegistered) -> None:
    """This will keep what a supporter is called and what standing they have with payers."""
    row = {
        **told.model_dump(include={each.name for each in supporters.c}),
        "credential_to": _day(told.credential_to),
    }
    await db.execute(upsert(supporters, keys=["supporter_id"], change=list(row)).values(row))


async def remember_label(db: AsyncConnection, told: ReferralAccepted) -> None:
    """This will keep whether a referral is under Part 2."""
    row = {"referral_id": told.referral_id, "person_id": told.person_id, "part2": told.part2}
    await db.execute(upsert(labels, keys=["referral_id"], change=["part2"]).values(row))


async def same_member(db: AsyncConnection, people: Collection[UUID]) -> set[UUID]:
    """This will add everybody who shares a member number with one of these people: limits count for the member."""
    return set(people) | set((await db.execute(_SHARING, {"people": list(people)})).scalars())


_THEIRS = coverages.alias()
_KEYS = select(_THEIRS.c.member_key).where(_THEIRS.c.person_id.in_(bindparam("people", expanding=True)))
_SHARING = select(coverages.c.person_id).where(coverages.c.member_key.in_(_KEYS))
_RECORDED = (
    select(
        *(seats.c[each] for each in Recorded.__dataclass_fields__ if each in seats.c),
        *(seats.c[each] for each in (*JUDGED, "modifiers", "version", "starts_at")),
        sessions.c.supporter_id,
        sessions.c.zone,
        sessions.c.modality,
    )
    .join(sessions)
    .where(seats.c.person_id.in_(bindparam("people", expanding=True)), seats.c.outcome.is_not(None))
    .where((seats.c.state != "cancelled") | (seats.c.version > 0))
)


async def people_seen_by(db: AsyncConnection, supporter_id: UUID) -> set[UUID]:
    """This will list the people with a recorded session with a supporter."""
    wanted = select(seats.c.person_id).join(sessions).where(sessions.c.supporter_id == supporter_id)
    return set((await db.execute(wanted.where(seats.c.outcome.is_not(None)).distinct())).scalars())


async def recorded(db: AsyncConnection, people: Iterable[UUID]) -> list[Recorded]:
    """This will give the recorded seats that count for coverage: held, missed, or judged before."""
    return [_recorded(row) for row in (await db.execute(_RECORDED, {"people": list(people)})).mappings()]


def _recorded(row: RowMapping) -> Recorded:
    same = {each: row[each] for each in Recorded.__dataclass_fields__ if each in row}
    timed = {"started_at": row["started_at"] or row["starts_at"], "minutes": row["minutes"] or 0}
    return Recorded(**{**same, **timed}, judged=_judged(row) if row["version"] else None)


def _judged(row: RowMapping) -> Judgement:
    told = {each: row[each] for each in JUDGED}
    return Judgement(**told, seat_id=row["seat_id"], modifiers=tuple(row["modifiers"]))


_INSURED = select(coverages).where(coverages.c.person_id.in_(_SHARING)).order_by(coverages.c.heard_at)


async def coverages_of(db: AsyncConnection, people: Iterable[UUID]) -> dict[UUID, dict[UUID, Coverage]]:
    """This will give, of these people and whoever shares their number, the coverages by referral, the last one last."""
    found: dict[UUID, dict[UUID, Coverage]] = {}
    for row in (await db.execute(_INSURED, {"people": list(people)})).mappings():
        found.setdefault(row["person_id"], {})[row["referral_id"]] = _coverage(row)
    return found


def _coverage(row: RowMapping) -> Coverage:
    member: dict[str, Any] = {**row["member"]}
    dates = {each: _day(member.pop(each)) for each in DATES}
    same = {each: row[each] for each in ("coverage_id", "payer", "plan_id", "restricted")}
    return Coverage(**same, **member, **dates)  # type: ignore[arg-type]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


async def standings(db: AsyncConnection, supporter_ids: Iterable[UUID | None]) -> dict[UUID, Standing]:
    """This will give supporters' standing with payers."""
    which = {"supporters": [each for each in supporter_ids if each]}
    return {
        row["supporter_id"]: Standing(
            networks=frozenset(row["networks"]),
            credential=row["credential"],
            credential_to=row["credential_to"],
            volunteer=row["volunteer"],
            npi=row["npi"],
        )
        for row in (await db.execute(_STANDING, which)).mappings()
    }


_STANDING = select(supporters).where(supporters.c.supporter_id.in_(bindparam("supporters", expanding=True)))
_JUDGED = (
    update(seats)
    .where(seats.c.seat_id == bindparam("one"))
    .values(
        **{each: bindparam(f"new_{each}") for each in (*JUDGED, "modifiers")},
        changed_at=bindparam("at"),
        version=seats.c.version + 1,
    )
)


async def write_judgements(db: AsyncConnection, judged: Collection[Judgement], *, at: datetime) -> None:
    """This will write what changed, each with the next version."""
    if not judged:
        return
    rows = [
        {
            **{f"new_{name}": getattr(each, name) for name in JUDGED},
            "new_modifiers": list(each.modifiers),
            "one": each.seat_id,
            "at": at,
        }
        for each in judged
    ]
    await db.execute(_JUDGED, rows)


async def labels_of(db: AsyncConnection, people: Iterable[UUID]) -> dict[UUID, dict[UUID, bool]]:
    """This will say of people's referrals whether they are under Part 2."""
    found: dict[UUID, dict[UUID, bool]] = {}
    for row in await db.execute(select(labels).where(labels.c.person_id.in_(list(people)))):
        found.setdefault(row.person_id, {})[row.referral_id] = row.part2
    return found
