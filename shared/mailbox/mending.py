"""Letters put aside, in the hands of a person: listed by queue, opened, mended, passed over, replayed in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import Uuid, and_, bindparam, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import real
from shared.database import UtcTime, is_away
from shared.mailbox import gate
from shared.mailbox.letter import UNREAD, Letter, read, take_out, write
from shared.mailbox.loop import told
from shared.mailbox.said import Reply
from shared.mailbox.tables import heard, letter_acts, letters
from shared.sealed import CannotOpen, seal

if TYPE_CHECKING:
    from shared.mailbox.box import Mailbox

MOST = 500
"""How many queues are listed at once, and how many letters of a queue are tried in one rehearsal."""

QUEUE = letters.c.source, letters.c.key
PLACE = and_(heard.c.source == letters.c.source, heard.c.key == letters.c.key)
RANKED = (
    select(
        *letters.c,
        func.coalesce(heard.c.version, 0).label("reached"),
        func.row_number().over(partition_by=QUEUE, order_by=letters.c.version).label("rank"),
        (func.count().over(partition_by=QUEUE) - 1).label("behind"),
    )
    .outerjoin(heard, PLACE)
    .subquery()
)
FIRSTS = (
    select(RANKED, func.count().over().label("queues"))
    .where(RANKED.c.rank == 1)
    .order_by(RANKED.c.state != "dead", RANKED.c.put_aside_at, RANKED.c.event_id)
    .limit(MOST)
)
DEAD = FIRSTS.where(RANKED.c.state == "dead")
LAST = tuple_(bindparam("since", type_=UtcTime), bindparam("after", type_=Uuid))
BEYOND = DEAD.where(tuple_(RANKED.c.put_aside_at, RANKED.c.event_id) > LAST)


class NotNow(Exception):
    """A letter cannot be treated so; the message says why, `remedy` what to do instead."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.remedy = remedy


class Kept(BaseModel):
    """A letter put aside, without what it says; `behind` counts those that wait for it, `waits_for` is a version."""

    letter_id: UUID
    source: str
    key: str
    version: int
    type: str
    state: str
    attempts: int
    error: str
    put_aside_at: datetime
    next_try: datetime
    behind: int
    waits_for: int | None


class Listed(BaseModel):
    """The first letters of queues, as many as are shown at once, and how many `queues` there are of that kind."""

    queues: int
    letters: list[Kept]


class Act(BaseModel):
    """What somebody did with a letter, and why."""

    what: str
    by: str
    reason: str
    at: datetime


class Outcome(BaseModel):
    """What came of a replay: how many `letters` went well, the `error` and its place that ended it, and who is `next`.

    `next` is the letter that is now the first of its queue and will not be tried by itself.
    """

    letters: int
    error: str = ""
    next: UUID | None = None


class Tried(Exception):
    """Ends a rehearsal, so that it leaves no trace."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome


@dataclass(frozen=True)
class Signed:
    """A wish of somebody, with their name and reason."""

    letter_id: UUID
    by: str
    reason: str
    body: bytes = b""


async def queues(db: AsyncConnection) -> Listed:
    """This will list the first letter of each queue, what was given up first."""
    return _listed((await db.execute(FIRSTS)).mappings().all())


async def given_up(db: AsyncConnection, beyond: tuple[datetime, UUID] | None) -> Listed:
    """This will list the first letters that were given up, oldest first, beyond one put aside at a time."""
    if beyond is None:
        return _listed((await db.execute(DEAD)).mappings().all())
    return _listed((await db.execute(BEYOND, {"since": beyond[0], "after": beyond[1]})).mappings().all())


async def one(db: AsyncConnection, letter_id: UUID) -> Kept | None:
    """This will find a letter put aside."""
    row = await _row(db, letter_id)
    return _kept(row) if row else None


async def acts(db: AsyncConnection, letter_id: UUID) -> list[Act]:
    """This will tell what was done with a letter, in order."""
    wanted = select(letter_acts).where(letter_acts.c.letter_id == letter_id).order_by(letter_acts.c.id)
    return [Act(**row) for row in (await db.execute(wanted)).mappings()]


async def _row(db: AsyncConnection, letter_id: UUID) -> Any:
    return (await db.execute(select(RANKED).where(RANKED.c.event_id == letter_id))).mappings().one_or_none()


def _listed(rows: Sequence[Any]) -> Listed:
    return Listed(queues=rows[0]["queues"] if rows else 0, letters=[_kept(row) for row in rows])


def _kept(row: Any) -> Kept:
    waits = row["state"] == "parked" and not take_out(row).follows(row["reached"])
    return Kept(letter_id=row["event_id"], **row, waits_for=row["reached"] + 1 if waits else None)


class Mending:
    """What a person may do with the letters of one mailbox."""

    def __init__(self, mailbox: "Mailbox") -> None:
        self.mailbox = mailbox

    async def opened(self, wish: Signed, db: AsyncConnection) -> Reply:
        """This will give what a letter says, and keep who asked for it and why."""
        letter = take_out(await self._mine(db, wish.letter_id))
        await _note(db, wish, "opened")
        kind = self.mailbox.board.facts.get(letter.type)
        try:
            return Reply(read(kind, letter.body).wire() if kind and kind.SEALED_FOR else letter.body)
        except (ValidationError, CannotOpen):
            return Reply(letter.body)

    async def mend(self, wish: Signed, db: AsyncConnection) -> None:
        """This will put other words in a letter, and try it at once; ValidationError when they are no such fact."""
        letter = take_out(await self._mine(db, wish.letter_id))
        body = wish.body if letter.version == UNREAD else self._written(letter, wish.body)
        await _note(db, wish, "mended")
        again = {"state": "retrying", "attempts": 0, "error": "", "next_try": real()}
        changed = update(letters).where(letters.c.event_id == letter.event_id)
        await db.execute(changed.values(body=seal(body, place="letters.body"), **again))

    def _written(self, letter: Letter, body: bytes) -> bytes:
        kind = self.mailbox.board.facts.get(letter.type)
        if kind is None:
            raise NotNow("nobody here reads such letters", "pass it over: it only advances the version")
        return write(kind.model_validate_json(body))

    async def pass_over(self, wish: Signed, db: AsyncConnection) -> None:
        """This will count a letter as heard without anything coming of it."""
        letter = take_out(await self._mine(db, wish.letter_id))
        # Nobody else hears from here on: what is read of the letter's queue is still so when it is marked.
        found = await gate.sort(db, [letter])
        await self._first(db, wish.letter_id)
        await _note(db, wish, "passed over")
        await gate.mark(db, found)
        await gate.forget_aside(db, [letter])

    async def begin_here(self, wish: Signed, db: AsyncConnection) -> None:
        """This will take a parked letter as the next of its key, whatever was to come before it."""
        row = await self._mine(db, wish.letter_id)
        if row["rank"] > 1 or row["state"] != "parked":
            raise NotNow("only the first of a queue that waits can begin it", "see `waits_for` of the letter")
        await _note(db, wish, "began here")
        await db.execute(update(letters).where(letters.c.event_id == wish.letter_id).values(opens=letters.c.version))

    async def replay(self, wish: Signed) -> Outcome:
        """This will apply the first letter of a queue now."""
        async with self.mailbox.database.transaction() as db:
            first = await self._first(db, wish.letter_id)
            await _note(db, wish, "replayed")
        try:
            await self.mailbox.apply([first], "replayed", from_aside=True)
        except Exception as wrong:
            if is_away(wrong):
                raise
            await self.mailbox.aside.failed_again(first, wrong)
            return Outcome(letters=0, error=told(wrong))
        self.mailbox.aside.look()
        return Outcome(letters=1, next=await self._next(first))

    async def _next(self, before: Letter) -> UUID | None:
        same = and_(letters.c.source == before.source, letters.c.key == before.key)
        wanted = select(letters.c.event_id, letters.c.state).where(same).order_by(letters.c.version).limit(1)
        async with self.mailbox.database.reading() as db:
            found = (await db.execute(wanted)).one_or_none()
        return found.event_id if found and found.state == "dead" else None

    async def rehearse(self, letter_id: UUID) -> Outcome:
        """This will apply a whole queue, and undo it."""
        async with self.mailbox.database.reading() as db:
            queue = await _queue(db, await self._first(db, letter_id))
        try:
            async with self.mailbox.database.transaction() as db:
                raise Tried(await self._tried(queue, db))
        except Tried as tried:
            return tried.outcome

    async def _tried(self, queue: Sequence[Letter], db: AsyncConnection) -> Outcome:
        for number, each in enumerate(queue):
            try:
                await self.mailbox.apply_in(db, [each])
            except Exception as wrong:
                if is_away(wrong):
                    raise
                return Outcome(letters=number, error=told(wrong))
        return Outcome(letters=len(queue))

    async def _first(self, db: AsyncConnection, letter_id: UUID) -> Letter:
        row = await self._mine(db, letter_id)
        letter = take_out(row)
        if row["rank"] > 1:
            raise NotNow("an earlier letter about the same waits", "treat the first of the queue: see `letters list`")
        if letter.version != UNREAD and not letter.follows(row["reached"]):
            missing = row["reached"] + 1
            raise NotNow(f"version {missing} of {letter.source} has not come", "see FactsUnsent, or begin here")
        return letter

    async def _mine(self, db: AsyncConnection, letter_id: UUID) -> Any:
        row = await _row(db, letter_id)
        if row is None:
            raise NotNow("no such letter is put aside", "list them again: it may have been applied meanwhile")
        if row["partition"] not in self.mailbox.aside.partitions:
            raise NotNow("the letter is another share's", "ask the process with the share that has its partition")
        return row


async def _queue(db: AsyncConnection, first: Letter) -> list[Letter]:
    same = and_(letters.c.source == first.source, letters.c.key == first.key)
    found = (await db.execute(select(letters).where(same).order_by(letters.c.version).limit(MOST))).mappings()
    queue = [take_out(row) for row in found]
    return [each for place, each in enumerate(queue) if each.version <= first.version + place]


async def _note(db: AsyncConnection, wish: Signed, what: str) -> None:
    signed = {"letter_id": wish.letter_id, "what": what, "by": wish.by, "reason": wish.reason, "at": real()}
    await db.execute(insert(letter_acts).values(**signed))
