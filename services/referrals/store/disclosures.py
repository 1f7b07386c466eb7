"""The accounting of disclosures: who was told what about whom, when, and on which consent."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.disclosures import Accounted, Disclosure
from services.referrals.store.tables import disclosures
from shared.ids import beside
from shared.several import among

_INSERT = postgresql.insert(disclosures)
KEEP = _INSERT.on_conflict_do_update(
    index_elements=["disclosure_id"],
    set_={"last_at": _INSERT.excluded.last_at, "times": disclosures.c.times + _INSERT.excluded.times},
)
COLUMNS = [each for each in disclosures.c if each.name != "disclosure_id"]
OF_PEOPLE = (
    select(*COLUMNS)
    .where(among(disclosures.c.person_id, "people"))
    .order_by(disclosures.c.first_at, disclosures.c.disclosure_id)
)


async def note_disclosures(db: AsyncConnection, some: Iterable[Disclosure]) -> None:
    """This will account for what is told; the same again counts, and has its last time."""
    rows: dict[UUID, dict[str, Any]] = {}
    for each in some:
        row = _row(each)
        known = rows.setdefault(row["disclosure_id"], row | {"times": 0})
        known |= {"last_at": each.at, "times": known["times"] + 1}
    if rows:
        # In one order by everybody, so that no two wait for each other.
        await db.execute(KEEP, [rows[each] for each in sorted(rows)])


def _row(told: Disclosure) -> dict[str, Any]:
    row = asdict(told)
    at = row.pop("at")
    one = beside(told.referral_id, f"{told.recipient} {told.way} {told.what} {told.consent_id}")
    return {**row, "disclosure_id": one, "first_at": at, "last_at": at}


async def accounting_of(db: AsyncConnection, people: Sequence[UUID]) -> list[Accounted]:
    """This will list what was told about somebody who is known by these ids, the first first."""
    return [Accounted(**row) for row in (await db.execute(OF_PEOPLE, {"people": list(people)})).mappings()]
