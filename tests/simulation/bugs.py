"""Classic mistakes, each a small change of the real code: the simulation has to find every one of them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from inspect import isfunction
from typing import Any
from uuid import uuid4

from services.notifications.handlers import replies
from services.notifications.rules import sending
from services.notifications.rules.providers import Answer
from shared.away import is_away
from shared.clock import real
from shared.database import insert_or_ignore
from shared.mailbox import gate, memory, outbox
from shared.mailbox.aside import Aside
from shared.mailbox.box import Mailbox
from shared.mailbox.errands import Errands
from shared.mailbox.letter import Letter
from shared.mailbox.memory import Lost, Memory
from shared.mailbox.outbox import say
from shared.mailbox.relay import SENT, UNSENT, Relay
from shared.mailbox.tables import inbox
from shared.mailbox.timers import RUNG, Timers
from tests.simulation.slips import watched

Bug = Callable[[], AbstractContextManager[None]]
BUGS: dict[str, Bug] = {}


def bug(make: Callable[[], Mapping[tuple[Any, str], Any]]) -> Bug:
    """Make a bug of what it puts in the place of what; slips within it are no finds."""

    @contextmanager
    def instead() -> Iterator[None]:
        changes = make()
        before = {place: getattr(*place) for place in changes}
        for (owner, name), change in changes.items():
            setattr(owner, name, watched(change) if isfunction(change) else change)
        try:
            yield
        finally:
            for (owner, name), was in before.items():
                setattr(owner, name, was)

    BUGS[make.__name__] = instead
    return instead


@bug
def publishes_before_it_commits() -> Any:
    """What a handler says is out before its transaction is certain."""
    properly = Mailbox.apply_in

    async def apply_in(self: Mailbox, db: Any, incoming: Sequence[Letter]) -> Any:
        found, said = await properly(self, db, incoming)
        rows = (await db.execute(UNSENT, {"partitions": self.relay.partitions, "resting": []})).mappings().all()
        for row in rows:
            await self.relay._singly(row)
        return found, said

    return {(Mailbox, "apply_in"): apply_in}


@bug
def marks_as_sent_before_it_publishes() -> Any:
    """A row counts as sent, and then it is published."""
    properly = Relay._carry

    async def carry(self: Relay, stream: str, rows: Sequence[Any]) -> list[dict[str, Any]]:
        if rows:
            async with self.database.transaction() as db:
                await db.execute(SENT, [{"row": row["id"], "at": real(), "place": None} for row in rows])
        return await properly(self, stream, rows)

    return {(Relay, "_carry"): carry}


@bug
def keeps_no_inbox() -> Any:
    """What organisations post is taken in as often as it comes."""

    async def seen(*_: Any) -> set[Any]:
        return set()

    return {(gate, "_seen"): seen, (gate, "HEARD"): insert_or_ignore(inbox)}


@bug
def acknowledges_before_it_commits() -> Any:
    """The broker may forget a letter that has had no effect yet."""
    properly = Mailbox.take

    async def take(self: Mailbox, messages: list[Any], *, consumer: str) -> None:
        await asyncio.gather(*(each.ack() for each in messages))
        await properly(self, messages, consumer=consumer)

    return {(Mailbox, "take"): take}


@bug
def has_no_version_gate() -> Any:
    """Whatever is newer than what was heard is applied, and what it overtook is old."""
    return {(Letter, "follows"): lambda self, reached: self.version > reached}


@bug
def parks_nothing() -> Any:
    """What came too early is acknowledged and forgotten."""
    properly = gate.put_aside

    async def put_aside(db: Any, some: Any, *, state: str, **rest: Any) -> None:
        if state != "parked":
            await properly(db, some, state=state, **rest)

    return {(gate, "put_aside"): put_aside}


@bug
def says_nothing_again_after_amnesia() -> Any:
    """A stream that was created anew is taken for the old one."""
    properly = Memory._lost

    def lost(self: Memory, stream: str, known: Any, now: Any, back_to: int | None) -> list[Lost]:
        anew = known is not None and known["created"] != now.created
        return [] if anew else properly(self, stream, known, now, back_to)

    return {(Memory, "_lost"): lost}


@bug
def looks_only_at_the_last_place() -> Any:
    """A hole in the middle of a stream is not noticed."""

    async def read_back(*_: Any) -> int:
        return 0

    def lost(now: Any, *, reached: int, back_to: int | None, **_: Any) -> list[Lost]:
        begin = min(now.last + 1, back_to or reached + 1)
        return [Lost(begin, reached)] if begin <= reached else []

    return {(Memory, "read_back"): read_back, (memory, "lost"): lost}


@bug
def never_reads_back() -> Any:
    """A message that cannot be read, and is counted, is not noticed."""

    async def read_back(*_: Any) -> int:
        return 0

    return {(Memory, "read_back"): read_back}


@bug
def overlooks_a_lost_tail() -> Any:
    """Places that a stream gives out a second time are not noticed, nor that it has become shorter."""

    async def read_back(*_: Any) -> int:
        return 0

    def lost(now: Any, *, before: Any, **_: Any) -> list[Lost]:
        return [Lost(*each) for each in memory.runs(now.missing)]

    return {(Memory, "read_back"): read_back, (memory, "lost"): lost}


@bug
def sends_without_a_key() -> Any:
    """The provider cannot know a message again."""
    return {(sending, "message_key"): lambda *_: str(uuid4())}


@bug
def records_before_it_sends() -> Any:
    """The result is written down, and then the call is made."""
    properly = Errands._call

    async def call(self: Errands, one: Any) -> Any:
        asyncio.get_running_loop().create_task(properly(self, one))
        return Answer("accepted", "early")

    return {(Errands, "_call"): call}


@bug
def repeats_what_must_not_be_repeated() -> Any:
    """After a crash a call is made again, though the other side does not know the key."""
    properly = Errands._traveller

    def traveller(self: Errands, row: Any) -> Any:
        found = properly(self, row)
        return found and replace(found, trip=replace(found.trip, lost=False))

    return {(Errands, "_traveller"): traveller}


@bug
def commits_effects_and_marks_apart() -> Any:
    """A crash between two transactions lets a letter be heard twice."""

    async def apply(self: Mailbox, incoming: Sequence[Letter], consumer: str, *, from_aside: bool = False) -> None:
        async with self.database.transaction() as db:
            found = await gate.sort(db, incoming)
            said = await self._hear(found.news, db)
        async with self.database.transaction() as db:
            await gate.mark(db, found)
            if from_aside:
                await gate.forget_aside(db, [*found.news, *found.known])
        self.after_commit(said)
        self.aside.noticed(found)

    return {(Mailbox, "apply"): apply}


@bug
def marks_timers_before_they_ring() -> Any:
    """A timer has rung before its handler did anything: one that fails is lost."""

    async def ring(self: Timers, rows: Sequence[Any]) -> None:
        due = [self._opened(each) for each in rows]
        async with self.mailbox.database.transaction() as db:
            await db.execute(RUNG, {"some": [each.timer_id for each in due], "at": real()})
        async with self.mailbox.database.transaction() as db:
            said = await self.mailbox.board.hear([(each.fact.key(), each.fact) for each in due], db)
            await say(db, self.mailbox.speaker, said)
        self.mailbox.after_commit(said)

    return {(Timers, "_ring"): ring}


@bug
def drops_what_fails() -> Any:
    """A letter that a handler cannot take is acknowledged and forgotten."""

    async def put(self: Aside, letter: Letter, wrong: Exception) -> None:
        return None

    return {(Aside, "put"): put}


@bug
def gives_up_when_the_database_is_away() -> Any:
    """A batch that could not be kept is acknowledged."""

    properly = Mailbox._take_all_or_each

    async def take(self: Mailbox, incoming: list[Letter], consumer: str) -> None:
        try:
            await properly(self, incoming, consumer)
        except Exception as wrong:
            if not is_away(wrong):
                raise

    return {(Mailbox, "_take_all_or_each"): take}


@bug
def skips_a_version() -> Any:
    """Two facts of one key in one transaction leave a gap behind them."""
    properly = outbox._number

    async def number(db: Any, rows: list[dict[str, Any]]) -> None:
        await properly(db, rows)
        counts = Counter((each["channel"], each["key"]) for each in rows)
        several = [place for place, count in counts.items() if count > 1]
        skipped = [{"channel": channel, "key": key, "version": 1} for channel, key in several]
        await db.execute(outbox.RAISE, {"taken": skipped})

    return {(outbox, "_number"): number}


@bug
def names_things_by_chance() -> Any:
    """What is heard a second time becomes a second thing."""
    return {(replies, "uuid5"): lambda *_: uuid4()}


@bug
def never_forgets_what_it_parked() -> Any:
    """A letter that was heard at last still waits."""

    async def forget_aside(*_: Any) -> None:
        return None

    return {(gate, "forget_aside"): forget_aside}
