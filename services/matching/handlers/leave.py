"""What happens when people stop waiting, or their series are over."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.handlers.match import ONE_DECISION_AT_A_TIME
from services.matching.rules.offers import load_of
from services.matching.store import offers, referrals, supporters
from services.matching.store.offers import Closed
from services.matching.store.referrals import Waiting
from shared import consents
from shared.calendar import add_business_days
from shared.clock import now
from shared.database import lock
from shared.disclosure import Consent, may_disclose
from shared.events.matching import RoomFreed
from shared.events.referrals import ConsentRevoked, ReferralClosed, ReferralHeld, ReferralLinked, ReferralRefused
from shared.events.scheduling import SeriesEnded
from shared.programme import Programme
from shared.work import Asked, open_each

SUPPORTERS = "supporter"
MAY_STOP = ("waiting", "offered")
Ended = ReferralRefused | ReferralClosed | ReferralLinked


async def hold(facts: Sequence[ReferralHeld], db: AsyncConnection) -> list[RoomFreed]:
    """This will make no offers for referrals until they are accepted again, and take back those that are out."""
    return await _stop(db, await _found(db, facts), "held")


async def refuse(facts: Sequence[Ended], db: AsyncConnection) -> list[RoomFreed]:
    """This will make no more offers for referrals that were refused after all, closed, or linked to something else."""
    return await _stop(db, await _found(db, facts), "withdrawn")


async def _found(db: AsyncConnection, facts: Sequence[ReferralHeld] | Sequence[Ended]) -> list[Waiting]:
    await lock(db, ONE_DECISION_AT_A_TIME)
    return list((await referrals.some(db, [each.referral_id for each in facts])).values())


async def _stop(db: AsyncConnection, people: Collection[Waiting], state: str) -> list[RoomFreed]:
    """This will take people out of the waiting, and give back the room that was held for them."""
    leaving = [each.seeker.referral_id for each in people if each.state in MAY_STOP]
    if not leaving:
        return []
    out = await offers.open_offers(db, leaving)
    await offers.close(db, [Closed(offer_id=each.offer_id, state="withdrawn") for each in out], at=now())
    await referrals.move_to(db, leaving, state)
    return await _free(db, load_of(out))


async def _free(db: AsyncConnection, freed: Counter[UUID]) -> list[RoomFreed]:
    if not freed:
        return []
    await supporters.take_load(db, freed)
    found = await supporters.supporters_by_id(db, freed)
    return [RoomFreed(supporter_id=key, site_id=each.supporter.site_id) for key, each in found.items()]


async def revoke(facts: Sequence[ConsentRevoked], db: AsyncConnection, *, programme: Programme) -> list[RoomFreed]:
    """This will stop telling supporters about people who took that consent back, and ask somebody to talk to them."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    known = await consents.consents_of_many(db, [each.person_id for each in facts])
    await consents.revoked(facts, db)
    silent = _whom_supporters_may_not_hear_of(facts, known)
    people = await referrals.of_people(db, silent) if silent else []
    searching = [each for each in people if each.state in (*MAY_STOP, "matched")]
    await open_each(db, [_to_talk_to(each, programme) for each in searching])
    return await _stop(db, people, "withdrawn")


def _whom_supporters_may_not_hear_of(facts: Sequence[ConsentRevoked], known: dict[UUID, list[Consent]]) -> set[UUID]:
    """This will take consents back one after another, and list whose revoked one was the last for supporters."""
    found = set()
    for each in facts:
        before = known.get(each.person_id, [])
        after = known[each.person_id] = [_revoked(one, each) for one in before]
        if _ends_telling_supporters(before, after, each):
            found.add(each.person_id)
    return found


def _revoked(consent: Consent, fact: ConsentRevoked) -> Consent:
    if consent.consent_id != fact.consent_id or consent.revoked_at:
        return consent
    return replace(consent, revoked_at=fact.revoked_at)


def _to_talk_to(waiting: Waiting, programme: Programme) -> Asked:
    due = add_business_days(programme.site(waiting.seeker.site_id), now(), 1)
    return Asked(kind="consent_revoked", about=str(waiting.seeker.referral_id), owner="matching", due=due)


def _ends_telling_supporters(before: list[Consent], after: list[Consent], fact: ConsentRevoked) -> bool:
    """This will say whether supporters may no longer be told: the revoked consent let them be, and no other does."""
    revoked = [each for each in before if each.consent_id == fact.consent_id]
    if revoked and SUPPORTERS not in revoked[0].recipients:
        return False
    return may_disclose(after, recipient=SUPPORTERS, purpose="treatment", at=now(), part2=False) is None


async def end(facts: Sequence[SeriesEnded], db: AsyncConnection) -> list[RoomFreed]:
    """This will end the matches of series that are over, and say that their supporters have room again."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    ended = await offers.end(db, [each.match_id for each in facts], at=now())
    await referrals.move_to(db, [each.referral_id for each in ended if each.referral_id], "ended")
    freed: Counter[UUID] = Counter()
    for each in ended:
        if each.supporter_id:
            freed[each.supporter_id] += each.counts
    return await _free(db, freed)
