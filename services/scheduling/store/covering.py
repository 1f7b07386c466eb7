"""Members, supporters' standing, recorded seats, and what was judged of them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import RowMapping, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.rules.coverage import service_date
from services.scheduling.rules.seats import Coverage, Judgement, Recorded, Standing
from services.scheduling.store.statements import NOTHING, Words, words_of
from services.scheduling.store.tables import coverages, labels, seats, sessions, supporters
from shared.database import upsert
from shared.events.matching import SupporterRegistered
from shared.events.referrals import CoverageShared, ReferralAccepted
from shared.sealed import lookup
from shared.several import among

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


def key_of(told: CoverageShared) -> str:
    """This will give what the member of a coverage is found by."""
    return member_key(told.payer, told.member_id, date.fromisoformat(told.birth_date))


_INSURE = upsert(
    coverages,
    keys=["coverage_id"],
    change=["payer", "plan_id", "restricted", "member_key", "member", "heard_at"],
)
_INTRODUCE = upsert(supporters, keys=["supporter_id"], change=[each.name for each in supporters.c])
_LABEL = upsert(labels, keys=["referral_id"], change=["part2"], where=~labels.c.part2)
_PROTECT = update(labels).where(among(labels.c.referral_id, "some")).values(part2=True)


async def remember_coverages(db: AsyncConnection, told: Sequence[CoverageShared], *, at: datetime) -> None:
    """This will keep who insures people, as told last for a referral."""
    # What is told later is heard later, within one moment too: the last one counts.
    moments = (at + timedelta(microseconds=place) for place in range(len(told)))
    await db.execute(_INSURE, [_insured(each, heard_at) for each, heard_at in zip(told, moments, strict=True)])


def _insured(told: CoverageShared, heard_at: datetime) -> dict[str, Any]:
    return {
        "coverage_id": uuid5(told.person_id, str(told.referral_id)),
        **told.model_dump(include={"person_id", "referral_id", "payer", "plan_id", "restricted"}),
        "member_key": key_of(told),
        "member": told.model_dump(include=set(MEMBER)),
        "heard_at": heard_at,
    }


async def remember_supporters(db: AsyncConnection, told: Iterable[SupporterRegistered]) -> None:
    """This will keep what supporters are called and what standing they have with payers."""
    names = {each.name for each in supporters.c}
    rows = [{**each.model_dump(include=names), "credential_to": _day(each.credential_to)} for each in told]
    await db.execute(_INTRODUCE, rows)


async def remember_labels(db: AsyncConnection, told: Iterable[ReferralAccepted]) -> None:
    """This will keep whether referrals are under Part 2; a label that is there stays."""
    await db.execute(_LABEL, [each.model_dump(include={"referral_id", "person_id", "part2"}) for each in told])


async def label(db: AsyncConnection, referral_ids: Iterable[UUID]) -> None:
    """This will put referrals under Part 2; those nobody heard of have no label, and count as protected anyway."""
    await db.execute(_PROTECT, {"some": list(referral_ids)})


async def same_member(db: AsyncConnection, people: Collection[UUID]) -> set[UUID]:
    """This will add everybody who shares a member number with one of these people: limits count for the member."""
    return set(people) | set((await db.execute(_SHARING, {"people": list(people)})).scalars())


_THEIRS = coverages.alias()
_KEYS = select(_THEIRS.c.member_key).where(among(_THEIRS.c.person_id, "people"))
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
    .where(among(seats.c.person_id, "people"), seats.c.outcome.is_not(None))
    .where((seats.c.state != "cancelled") | (seats.c.version > 0))
)


_SEEN = (
    select(seats.c.person_id)
    .join(sessions)
    .where(among(sessions.c.supporter_id, "supporters"), seats.c.outcome.is_not(None))
    .distinct()
)


async def people_seen_by(db: AsyncConnection, supporter_ids: Iterable[UUID]) -> set[UUID]:
    """This will list the people with a recorded session with one of these supporters."""
    return set((await db.execute(_SEEN, {"supporters": list(supporter_ids)})).scalars())


async def days_of(db: AsyncConnection, people: Iterable[UUID]) -> dict[UUID, set[date]]:
    """This will list the local days on which people had sessions, or have them ahead."""
    found: dict[UUID, set[date]] = {}
    for row in await db.execute(_DAYS, {"people": list(people)}):
        begins = row.started_at or row.starts_at
        found.setdefault(row.person_id, set()).add(service_date(begins, row.zone))
    return found


_DAYS = (
    select(seats.c.person_id, seats.c.started_at, seats.c.starts_at, sessions.c.zone)
    .join(sessions)
    .where(among(seats.c.person_id, "people"), seats.c.state != "cancelled")
)


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
    """This will give, of these people and whoever shares their number, the coverages by referral, the last one last.

    With each comes what the insurer itself told of the member.
    """
    rows = (await db.execute(_INSURED, {"people": list(people)})).mappings().all()
    told = await words_of(db, {row["member_key"] for row in rows}) if rows else {}
    found: dict[UUID, dict[UUID, Coverage]] = {}
    for row in rows:
        found.setdefault(row["person_id"], {})[row["referral_id"]] = _coverage(
            row, told.get(row["member_key"], NOTHING)
        )
    return found


def _coverage(row: RowMapping, told: Words) -> Coverage:
    member: dict[str, Any] = {**row["member"]}
    dates = {each: _day(member.pop(each)) for each in DATES}
    same = {each: row[each] for each in ("coverage_id", "payer", "plan_id", "restricted")}
    words = {"spans": told.spans, "authorisations": told.authorisations}
    return Coverage(**same, **member, **dates, **words)  # type: ignore[arg-type]


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


_STANDING = select(supporters).where(among(supporters.c.supporter_id, "supporters"))
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


_LABELLED = select(labels).where(among(labels.c.person_id, "people"))


async def labels_of(db: AsyncConnection, people: Iterable[UUID]) -> dict[UUID, dict[UUID, bool]]:
    """This will say of people's referrals whether they are under Part 2."""
    found: dict[UUID, dict[UUID, bool]] = {}
    for row in await db.execute(_LABELLED, {"people": list(people)}):
        found.setdefault(row.person_id, {})[row.referral_id] = row.part2
    return found
