"""Finds an organisation's own referrals, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals.rules.order import Identifier
from services.referrals.store.fingerprints import named_by, numbered, person_print
from services.referrals.store.referral import Referral, referral_of
from services.referrals.store.tables import persons, referrals

Between = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an organisation looks for among its own; None is anything, and each list holds alternatives."""

    organisation: str
    ids: Sequence[UUID] | None = None
    identifiers: Sequence[Identifier] | None = None
    patients: Sequence[Identifier] | None = None
    arrived: Sequence[Between] = ()
    told: Sequence[Between] = ()


async def page(
    db: AsyncConnection, wanted: Wanted, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Referral]:
    """This will list referrals, the latest first, beginning after one."""
    conditions = [referrals.c.organisation == wanted.organisation, *_conditions(wanted)]
    arrived, one = referrals.c.arrived_at, referrals.c.referral_id
    if after:
        conditions.append(or_(arrived < after[0], and_(arrived == after[0], one < after[1])))
    found = select(referrals).where(*conditions).order_by(arrived.desc(), one.desc()).limit(limit)
    return [referral_of(row) for row in (await db.execute(found)).mappings()]


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.ids is not None:
        conditions.append(referrals.c.referral_id.in_(wanted.ids))
    if wanted.identifiers is not None:
        conditions.append(or_(*(_numbered(wanted.organisation, each) for each in wanted.identifiers)))
    if wanted.patients is not None:
        prints = [person_print(wanted.organisation, each) for each in wanted.patients]
        known = select(persons.c.person_id).where(persons.c.fingerprint.in_(prints))
        conditions.append(referrals.c.person_id.in_(known))
    for column, stretches in ((referrals.c.arrived_at, wanted.arrived), (referrals.c.told_at, wanted.told)):
        conditions += [and_(column >= low, column < high) for low, high in stretches]
    return conditions


def _numbered(organisation: str, identifier: Identifier) -> ColumnElement[bool]:
    if identifier.system:
        return referrals.c.placer == named_by(organisation, identifier)
    return referrals.c.placer_value == numbered(organisation, identifier)
