"""What happens when somebody stops waiting, or a series is over."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.handlers.match import ONE_DECISION_AT_A_TIME
from services.matching.store import offers, referrals, supporters
from services.matching.store.referrals import Waiting
from shared import consents
from shared.calendar import add_business_days
from shared.clock import now
from shared.database import lock
from shared.disclosure import Consent, may_disclose
from shared.events.matching import RoomFreed
from shared.events.referrals import ConsentRevoked, ReferralHeld, ReferralRefused
from shared.events.scheduling import SeriesEnded
from shared.mailbox import Said
from shared.programme import Programme
from shared.work import open_task

SUPPORTERS = "supporter"
MAY_STOP = ("waiting", "offered")


async def hold(fact: ReferralHeld, db: AsyncConnection) -> list[Said]:
    """This will make no offers for a referral until it is accepted again, and take back one that is out."""
    return await _stop(db, await _found(db, fact), "held")


async def refuse(fact: ReferralRefused, db: AsyncConnection) -> list[Said]:
    """This will make no more offers for a referral that was refused after all."""
    return await _stop(db, await _found(db, fact), "withdrawn")


async def _found(db: AsyncConnection, fact: ReferralHeld | ReferralRefused) -> list[Waiting]:
    await lock(db, ONE_DECISION_AT_A_TIME)
    return list((await referrals.some(db, [fact.referral_id])).values())


async def _stop(db: AsyncConnection, people: list[Waiting], state: str) -> list[Said]:
    """This will take people out of the waiting, and give back the room that was held for them."""
    freed: list[Said] = []
    for each in people:
        if each.state not in MAY_STOP:
            continue
        out = await offers.open_offer(db, each.seeker.referral_id)
        if out:
            await offers.close(db, out.offer_id, "withdrawn", at=now())
            freed += await _free(db, out.supporter_id, out.counts)
        await referrals.move_to(db, each.seeker.referral_id, state)
    return freed


async def _free(db: AsyncConnection, supporter_id: UUID, counts: int) -> list[Said]:
    await supporters.add_load(db, {supporter_id: -counts})
    found = await supporters.supporters_by_id(db, [supporter_id])
    return [RoomFreed(supporter_id=key, site_id=each.supporter.site_id) for key, each in found.items()]


async def revoke(fact: ConsentRevoked, db: AsyncConnection, *, programme: Programme) -> list[Said]:
    """This will stop telling supporters about a person who took that consent back, and ask somebody to talk to them."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    before = await consents.consents_of(db, fact.person_id)
    await consents.revoked([fact], db)
    if not _ends_telling_supporters(before, await consents.consents_of(db, fact.person_id), fact):
        return []
    people = await referrals.of_person(db, fact.person_id)
    for each in people:
        if each.state in (*MAY_STOP, "matched"):
            due = add_business_days(programme.site(each.seeker.site_id), now(), 1)
            await open_task(db, kind="consent_revoked", about=str(each.seeker.referral_id), owner="matching", due=due)
    return await _stop(db, people, "withdrawn")


def _ends_telling_supporters(before: list[Consent], after: list[Consent], fact: ConsentRevoked) -> bool:
    """This will say whether supporters may no longer be told: the revoked consent let them be, and no other does."""
    revoked = [each for each in before if each.consent_id == fact.consent_id]
    if revoked and SUPPORTERS not in revoked[0].recipients:
        return False
    return may_disclose(after, recipient=SUPPORTERS, purpose="treatment", at=now(), part2=False) is None


async def end(fact: SeriesEnded, db: AsyncConnection) -> list[Said]:
    """This will end the match of a series that is over, and say that its supporter has room again."""
    await lock(db, ONE_DECISION_AT_A_TIME)
    ended = await offers.end(db, fact.match_id, at=now())
    if ended is None:
        return []
    referral_id, supporter_id, counts = ended
    if referral_id is not None:
        await referrals.move_to(db, referral_id, "ended")
    return [] if supporter_id is None else await _free(db, supporter_id, counts)
