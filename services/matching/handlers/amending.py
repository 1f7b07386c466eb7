"""What a referrer told later of people who were referred: how urgent they are, and that they are protected."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.handlers.match import ONE_DECISION_AT_A_TIME, look_at_second, match
from services.matching.rules.policy import Policy
from services.matching.store import referrals, supporters
from services.matching.store.referrals import Waiting
from shared.clock import now
from shared.database import lock
from shared.events.referrals import ReferralAmended
from shared.linked import everybody
from shared.mailbox import Said
from shared.programme import Programme


async def amend(
    facts: Sequence[ReferralAmended], db: AsyncConnection, *, programme: Programme, policy: Policy
) -> list[Said]:
    """This will go by what holds now from the next decision on: for whoever waits nobody is free now, urgent or not.

    Where two referrals are one human being's it decides at once, for another of the two may go first now.
    """
    await lock(db, ONE_DECISION_AT_A_TIME)
    known = await referrals.some(db, {each.referral_id for each in facts})
    linked = await everybody(db, _whose_turn_may_change(facts, known))
    second = await referrals.waiting_for_another(db, linked.values())
    await referrals.amend(db, facts)
    if not linked:
        return []
    await supporters.reconsider(db)
    said = await match((), db, programme=programme, policy=policy)
    await look_at_second(db, linked, programme, at=now(), seen=second)
    return said


def _whose_turn_may_change(facts: Iterable[ReferralAmended], known: Mapping[UUID, Waiting]) -> set[UUID]:
    last = {each.referral_id: each.urgency for each in facts}
    waiting = [each for each in known.values() if each.state == "waiting"]
    return {each.seeker.person_id for each in waiting if each.seeker.urgency != last[each.seeker.referral_id]}
