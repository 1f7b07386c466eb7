"""People who are found to be one human being: nobody sits in two sessions at once."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduling.handlers.booking import alone_with, ask_for_new_times
from services.scheduling.store import meetings as store
from shared.clock import now
from shared.events.referrals import PersonLinked
from shared.linked import everybody, linked


async def link(facts: Sequence[PersonLinked], db: AsyncConnection) -> None:
    """This will remember who is one human being, and ask for another time where they are booked for two at once."""
    people = {each.person_id for each in facts} | {each.same_as for each in facts}
    await alone_with(db, people=people, supporters=())
    await linked(facts, db)
    for group in set((await everybody(db, people)).values()):
        clashing = set(await store.sessions_at_once(db, group, since=now()))
        series = (await store.seats_beside(db, clashing)).values()
        await ask_for_new_times(db, [each for one in series for each in one if each.session_id in clashing])
