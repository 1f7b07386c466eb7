"""Errands: the intent is committed, the call is made outside any transaction, the result is committed."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, literal_column, select, update

from shared import names
from shared.away import is_away, until_it_answers
from shared.clock import real
from shared.events.fact import Fact
from shared.mailbox.aside import NO_REMEDY
from shared.mailbox.loop import Loop, refuse_fewer, told, unasked
from shared.mailbox.outbox import say
from shared.mailbox.said import Said, Trip
from shared.mailbox.switchboard import Outside
from shared.mailbox.tables import errands
from shared.sealed import unseal
from shared.several import among

if TYPE_CHECKING:
    from shared.mailbox.box import Mailbox

logger = logging.getLogger(__name__)
AT_ONCE = 64
OPEN = (
    select(errands)
    .where(errands.c.state.in_(("intended", "calling")), errands.c.state != literal_column("'done'"))
    .where(among(errands.c.partition, "partitions"), ~among(errands.c.type, "under_way"))
    .order_by(errands.c.intended_at)
    .limit(AT_ONCE)
)
SOME = update(errands).where(among(errands.c.errand_key, "some"), errands.c.state != "done")
CALLING = SOME.values(state="calling", attempts=errands.c.attempts + 1)
DONE = SOME.where(errands.c.state == "calling").values(state="done", done_at=bindparam("at"))
STUCK = SOME.values(state="stuck")
REVIVED = (
    update(errands).where(errands.c.state == "stuck", among(errands.c.partition, "partitions")).values(state="calling")
)


@dataclass(frozen=True)
class Traveller:
    """One errand under way."""

    trip: Trip
    fact: Fact
    trace: str
    outside: Outside


class Errands(Loop):
    """Runs what handlers intended, at most 64 calls of a kind at a time; no kind waits for another's calls."""

    def __init__(self, mailbox: "Mailbox", share: str) -> None:
        super().__init__()
        self.mailbox = mailbox
        self.partitions = names.partitions_of(share)
        self.every = unasked(share)
        self.kinds: dict[str, tuple[type[Fact], Outside]] = {}
        self._rounds: dict[str, asyncio.Task[None]] = {}
        self._more = False

    def learn(self, kind: type[Fact], outside: Outside) -> None:
        """This will know how to run errands of a kind."""
        self.kinds[kind.type_name()] = kind, outside

    async def begin(self) -> None:
        """This will take up again, after a start, what was stuck before it, as calls that may have been made."""
        async with self.mailbox.database.transaction() as db:
            await db.execute(REVIVED, {"partitions": self.partitions})

    async def once(self) -> bool:
        """This will set out with what no round is under way for, and wait until a round is home or somebody wakes."""
        self._woken.clear()
        self._let_go_of_rounds()
        for kind, some in _by_kind(await self._set_out()).items():
            self._rounds[kind] = asyncio.create_task(self._round(some), name=f"errands {kind}")
            self._rounds[kind].add_done_callback(lambda _: self.wake())
        busy = self._more or bool(self._rounds)
        # A full look may have seen one kind only: the next one leaves out what has just set out.
        if busy and not self._more and not self._stopping:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self.every)
        self._let_go_of_rounds()
        return busy

    def _let_go_of_rounds(self) -> None:
        """This will let each kind whose round is over set out again, and raise what a round could not survive."""
        over = [self._rounds.pop(kind) for kind, round_ in list(self._rounds.items()) if round_.done()]
        for each in over:
            each.result()

    async def stop(self) -> None:
        """This will wait until all who are under way are home."""
        await super().stop()
        await asyncio.gather(*self._rounds.values(), return_exceptions=True)

    async def _round(self, sent: Sequence[Traveller]) -> None:
        """This will make calls of one kind, and commit their results together."""
        results = await asyncio.gather(*(self._call(each) for each in sent))
        await self._come_home(list(zip(sent, results, strict=True)))

    async def _set_out(self) -> list[Traveller]:
        """This will commit that up to 64 calls are about to be made.

        Rounds of a kind never overlap: a call that is under way in the store, and not here, was lost.
        """
        self._more = False
        if self.kinds and len(self._rounds) == len(self.kinds):
            return []
        wanted = {"partitions": self.partitions, "under_way": sorted(self._rounds)}
        async with self.mailbox.database.reading() as db:
            rows = (await db.execute(OPEN, wanted)).mappings().all()
        self._more = len(rows) == AT_ONCE
        sent = [one for row in rows if (one := self._traveller(row))]
        keys = {each.trip.key for each in sent}
        await self._keep(STUCK, [row["errand_key"] for row in rows if row["errand_key"] not in keys])
        await self._keep(CALLING, sorted(keys))
        return sent

    def _traveller(self, row: Any) -> Traveller | None:
        """This will read an errand; None when nobody here can, and a person has to look at it."""
        try:
            kind, outside = self.kinds[row["type"]]
            fact = kind.model_validate_json(unseal(row["body"], place="errands.body"))
        except (KeyError, *NO_REMEDY) as wrong:
            logger.error("an errand %s cannot be read (%s)", row["type"], told(wrong))
            return None
        trip = Trip(row["errand_key"], lost=row["state"] == "calling")
        return Traveller(trip, fact, row["trace"], outside)

    async def _keep(self, change: Any, some: list[str]) -> None:
        if some:
            async with self.mailbox.database.transaction() as db:
                await db.execute(change, {"some": some})

    async def _call(self, one: Traveller) -> Any:
        """This will make the call, or give None when a dead process may have made one that must not be repeated."""
        name = names.kebab(type(one.fact).__name__)
        if one.trip.lost and not one.outside.repeatable:
            self.mailbox.meters.calls.labels(name, "lost").inc()
            return None
        try:
            result = await asyncio.wait_for(one.outside.call(one.fact, one.trip), one.outside.timeout)
        except Exception as wrong:
            logger.warning("errand %s failed (%s)", name, told(wrong))
            self.mailbox.meters.calls.labels(name, "failed").inc()
            return wrong
        self.mailbox.meters.calls.labels(name, "answered").inc()
        return result

    async def _come_home(self, results: Sequence[tuple[Traveller, Any]]) -> None:
        """This will commit the results together, or one by one when together fails.

        While the database is away it goes on until the process is to end. The next one takes up what was not kept, as
        a call that was lost: only an attempt that failed is a reason to leave it so.
        """
        try:
            await until_it_answers(partial(self._commit, results), ends=lambda: self._stopping)
        except Exception as wrong:
            if is_away(wrong):
                logger.warning("results of errands are left to the next start (%s)", told(wrong))
                return
            logger.error("results of errands could not be kept (%s)", told(wrong))
            if len(results) > 1:
                for each in results:
                    await self._come_home([each])
                return
            await self._keep(STUCK, [results[0][0].trip.key])

    async def _commit(self, results: Sequence[tuple[Traveller, Any]]) -> None:
        traces = {one.fact.key(): one.trace for one, _ in results}
        said: list[Said] = []
        async with self.mailbox.database.transaction() as db:
            done = await db.execute(DONE, {"some": [one.trip.key for one, _ in results], "at": real()})
            refuse_fewer(done.rowcount, len(results))
            for outside in dict.fromkeys(one.outside for one, _ in results):
                home = [(one.fact, result) for one, result in results if one.outside is outside]
                said += await outside.come_home(home, db)
            await say(db, self.mailbox.speaker, said, lambda key: traces.get(key, results[0][0].trace))
        self.mailbox.after_commit(said)


def _by_kind(sent: Sequence[Traveller]) -> dict[str, list[Traveller]]:
    kinds = defaultdict[str, list[Traveller]](list)
    for each in sent:
        kinds[each.fact.type_name()].append(each)
    return kinds
