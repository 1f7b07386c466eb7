"""What people agree to and take back, as told to somebody at the programme, and the accounting of what was told."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.handlers.held import written_down
from services.referrals.handlers.telling import retell, tell
from services.referrals.rules import minors
from services.referrals.rules.accept import sooner
from services.referrals.rules.order import Agreed
from services.referrals.rules.reports import Report
from shared import consents
from shared.clock import now
from shared.disclosure import Consent
from shared.events.referrals import ConsentGiven, ConsentRevoked
from shared.linked import with_linked
from shared.mailbox import Reply
from shared.programme import Programme


class NobodyKnown(LookupError):
    """There is no such person."""


class NotInForce(ValueError):
    """The consent is not one of this person's, or was taken back."""


class MayNotAgree(ValueError):
    """Somebody else must sign for this person, or only they may."""


@dataclass(frozen=True, kw_only=True)
class Consenting:
    """A consent that was signed, in place of the version it `replaces`; `document` says where the paper is."""

    person_id: UUID
    by: str
    signed_by: Literal["self", "guardian", "both"]
    agreed: Agreed
    document: str
    replaces: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Accounting:
    """Every version of what a person agreed to, what was told about them, and what without a consent."""

    consents: list[Consent]
    disclosures: list[store.Accounted]
    reports: list[Report]


async def disclose(some: list[list[store.Disclosure]], db: AsyncConnection) -> list[Reply]:
    """This will write down what is about to be told, whoever is told it."""
    await store.note_disclosures(db, [each for told in some for each in told])
    return [Reply(None) for _ in some]


async def account(asking: tuple[UUID, str], db: AsyncConnection) -> Reply:
    """This will give the accounting of a person to the programme, and write down that it was asked for.

    It is of everybody who is one human being with them.
    """
    person_id, by = asking
    people = sorted(await with_linked(db, [person_id]))
    mine = await store.by_ids(db, await store.ids_of_people(db, people))
    if not mine:
        raise NobodyKnown
    await store.note(db, [written_down(each, "accounted_for", by) for each in mine.values()])
    every = [each for some in (await consents.consents_of_many(db, people)).values() for each in some]
    agreed = sorted(every, key=lambda each: (each.signed_at, str(each.consent_id)))
    told, reports = await store.accounting_of(db, people), await store.reports_of(db, people)
    return Reply(Accounting(consents=agreed, disclosures=told, reports=reports))


async def agree(consenting: Consenting, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will keep what a person signed, in place of an earlier version where it names one, and tell what it allows.

    The same paper twice is one consent, and ends the version that it names also where it is known; one that was taken
    back stays so. NotInForce where a new paper names a version that another has replaced: both would count.
    """
    person_id = consenting.person_id
    mine = await of_life(db, person_id)
    until = _signed_until(consenting, list(mine.values()), programme)
    known = {each.consent_id: each for each in await consents.consents_of(db, person_id)}
    fact = _given(consenting, until)
    is_new, replaced = fact.consent_id not in known, known.get(consenting.replaces) if consenting.replaces else None
    if consenting.replaces and (replaced is None or (is_new and replaced.revoked_at)):
        raise NotInForce
    if not is_new and known[fact.consent_id].revoked_at:
        raise NotInForce
    over = [replaced] if replaced and not replaced.revoked_at and replaced.consent_id != fact.consent_id else []
    if not is_new and not over:
        return Reply(fact.consent_id)
    given = [fact] if is_new else []
    ended = [ConsentRevoked(consent_id=each.consent_id, person_id=person_id, revoked_at=now()) for each in over]
    await consents.given(given, db)
    await consents.revoked(ended, db)
    note = f"Signed by: {consenting.signed_by}. Kept: {consenting.document}"
    await store.note(db, [written_down(each, "consent_given", consenting.by, note) for each in mine.values()])
    await retell(db, mine.values(), programme=programme)
    return Reply(fact.consent_id, [*given, *ended, *await tell(db, mine.values(), programme=programme)])


async def of_life(db: AsyncConnection, person_id: UUID) -> dict[UUID, store.Referral]:
    """This will give a person's referrals, alone; NobodyKnown where all of them are for tests: there is no person."""
    found = await store.alone(db, await store.ids_of_people(db, [person_id]))
    mine = {name: each for name, each in found.items() if not each.test}
    if not mine:
        raise NobodyKnown
    return mine


def _signed_until(consenting: Consenting, mine: list[store.Referral], programme: Programme) -> datetime | None:
    """This will give when somebody of age signs for themselves, where another signed; MayNotAgree for a wrong one."""
    at, ends = now(), []
    for each in mine:
        site, born = programme.site(each.site_id), each.order.person.birth_date
        if born and minors.party(each.order, programme, site, at) == "guardian":
            ends.append(minors.comes_of_age(born, site))
    if consenting.signed_by == ("self" if ends else "guardian"):
        raise MayNotAgree
    return min(ends, default=None)


def _given(consenting: Consenting, until: datetime | None) -> ConsentGiven:
    agreed = consenting.agreed
    paper = json.dumps([agreed.model_dump(mode="json"), consenting.signed_by, consenting.document])
    return ConsentGiven(
        consent_id=uuid5(consenting.person_id, f"consent {paper}"),
        person_id=consenting.person_id,
        discloser="alongside",
        recipients=agreed.recipients,
        purposes=list(agreed.purposes),
        part2=agreed.part2,
        signed_at=min(agreed.signed_at or now(), now()),
        expires_at=sooner(agreed.expires_at, until),
        scope=agreed.scope,
    )
