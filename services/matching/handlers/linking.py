"""People who are found to be one human being: nobody is offered two supporters for the same thing."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.handlers.match import ONE_DECISION_AT_A_TIME, look_at_second, match
from services.matching.rules.policy import Policy
from services.matching.store import supporters
from shared.clock import now
from shared.database import lock
from shared.events.referrals import PersonLinked
from shared.linked import linked
from shared.mailbox import Said
from shared.programme import Programme


async def link(
    facts: Sequence[PersonLinked], db: AsyncConnection, *, programme: Programme, policy: Policy
) -> list[Said]:
    """This will remember who is one human being, and have somebody look where two of their referrals are served.

    Then it decides anew for everybody who waits: who was linked wrongly may be offered somebody now.
    """
    await lock(db, ONE_DECISION_AT_A_TIME)
    await linked(facts, db)
    await look_at_second(db, {each.person_id for each in facts}, programme, at=now())
    await supporters.reconsider(db)
    return await match((), db, programme=programme, policy=policy)
