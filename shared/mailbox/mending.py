"""Letters put aside, in the hands of a person: opened, mended, passed over, replayed in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import names
from shared.away import is_away
from shared.clock import real
from shared.mailbox import gate, queues
from shared.mailbox.letter import UNREAD, Letter, read, take_out, write
from shared.mailbox.loop import told
from shared.mailbox.said import Reply
from shared.mailbox.seen import Outcome
from shared.mailbox.tables import letter_acts, letters
from shared.sealed import CannotOpen, seal

if TYPE_CHECKING:
    from shared.mailbox.box import Mailbox

REHEARSED = 500
"""How many letters of a queue are tried in one rehearsal."""

IN_VAIN, TREATED = "replayed in vain", "meanwhile it was treated by somebody else"


class NotNow(Exception):
    """A letter cannot be treated so; the message says why, `remedy` what to do instead."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.remedy = remedy


class Unfit(ValueError):
    """Words that cannot stand in a letter; the message says why, `where` names the place, `remedy` what to do."""

    def __init__(self, why: str, where: str, remedy: str) -> None:
        super().__init__(why)
        self.where, self.remedy = where, remedy


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
        """This will put other words in a letter, and try it when its turn has come.

        It raises ValidationError when they are no such fact, and Unfit when they are another's, or too long.
        """
        row = await self._held(db, wish.letter_id)
        letter = take_out(row)
        body = self._written(letter, wish.body)
        await _note(db, wish, "mended")
        again = {"state": "retrying", "attempts": 0, "error": "", "next_try": real()}
        # What waits for another would be found too early by every try.
        next_ = row["rank"] == 1 and _follows(letter, row["reached"])
        changed = update(letters).where(letters.c.event_id == letter.event_id)
        sealed = seal(body, place="letters.body")
        await db.execute(changed.values(body=sealed, **(again if next_ else {"state": "parked"})))

    def _written(self, letter: Letter, body: bytes) -> bytes:
        if len(body) > names.MESSAGE_BYTES:
            raise Unfit("The letter would be too long", "body.body", f"send at most {names.MESSAGE_BYTES:,} bytes")
        if letter.version == UNREAD:
            return body
        kind = self.mailbox.board.facts.get(letter.type)
        if kind is None:
            raise NotNow("nobody here reads such letters", "pass it over: it only advances the version")
        fact = kind.model_validate_json(body)
        if fact.key() != letter.key:
            remedy = "pass it over, and say the other where it belongs"
            raise Unfit("The letter is about another person", f"body.{kind.KEY}", remedy)
        return write(fact)

    async def pass_over(self, wish: Signed, db: AsyncConnection) -> None:
        """This will count a letter as heard without anything coming of it."""
        letter = _first(await self._held(db, wish.letter_id))
        found = await gate.sort(db, [letter])
        await _note(db, wish, "passed over")
        await gate.mark(db, found)
        await gate.forget_aside(db, [letter])

    async def begin_here(self, wish: Signed, db: AsyncConnection) -> None:
        """This will take a letter that waits for others as the next of its key, whatever was to come before it."""
        row = await self._held(db, wish.letter_id)
        waits = row["state"] == "parked" or not _follows(take_out(row), row["reached"])
        if row["rank"] > 1 or not waits:
            raise NotNow("only the first of a queue that waits can begin it", "see `waits_for` of the letter")
        await _note(db, wish, "began here")
        begun = update(letters).where(letters.c.event_id == wish.letter_id)
        await db.execute(begun.values(opens=letters.c.version, state="parked"))

    async def replay(self, wish: Signed) -> Outcome:
        """This will apply the first letter of a queue now."""
        async with self.mailbox.database.transaction() as db:
            first = _first(await self._mine(db, wish.letter_id))
            act = await _note(db, wish, "replayed")
        try:
            found = await self.mailbox.apply([first], "replayed", from_aside=True)
        except Exception as wrong:
            if is_away(wrong):
                raise
            await self.mailbox.aside.failed_again(first, wrong)
            return await self._in_vain(act, Outcome(letters=0, error=told(wrong)))
        self.mailbox.aside.look()
        following = await self._next(first)
        if not found.news:
            return await self._in_vain(act, Outcome(letters=0, error=TREATED, next=following))
        return Outcome(letters=1, next=following)

    async def _in_vain(self, act: int, outcome: Outcome) -> Outcome:
        async with self.mailbox.database.transaction() as db:
            await db.execute(update(letter_acts).where(letter_acts.c.id == act).values(what=IN_VAIN))
        return outcome

    async def _next(self, before: Letter) -> UUID | None:
        same = and_(letters.c.source == before.source, letters.c.key == before.key)
        wanted = select(letters.c.event_id, letters.c.state).where(same).order_by(letters.c.version).limit(1)
        async with self.mailbox.database.reading() as db:
            found = (await db.execute(wanted)).one_or_none()
        return found.event_id if found and found.state == "dead" else None

    async def rehearse(self, letter_id: UUID) -> Outcome:
        """This will apply a whole queue, and undo it."""
        async with self.mailbox.database.reading() as db:
            queue = await _queue(db, _first(await self._mine(db, letter_id)))
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

    async def _held(self, db: AsyncConnection, letter_id: UUID) -> Any:
        """This will find a letter about which nobody hears, and which nobody treats, until the transaction ends."""
        await gate.hold(db, [take_out(await self._mine(db, letter_id))])
        return await self._mine(db, letter_id)

    async def _mine(self, db: AsyncConnection, letter_id: UUID) -> Any:
        row = await queues.row(db, letter_id)
        if row is None:
            raise NotNow("no such letter is put aside", "list them again: it may have been applied meanwhile")
        if row["partition"] not in self.mailbox.aside.partitions:
            raise NotNow("the letter is another share's", "ask the process with the share that has its partition")
        return row


def _first(row: Any) -> Letter:
    """This will give a letter that is the next of its queue; NotNow says of another what it waits for."""
    letter = take_out(row)
    if row["rank"] > 1:
        raise NotNow("an earlier letter about the same waits", "treat the first of the queue: see `letters list`")
    if not _follows(letter, row["reached"]):
        missing = row["reached"] + 1
        raise NotNow(f"version {missing} of {letter.source} has not come", "see FactsUnsent, or begin here")
    return letter


def _follows(letter: Letter, reached: int) -> bool:
    return letter.version == UNREAD or letter.follows(reached)


async def _queue(db: AsyncConnection, first: Letter) -> list[Letter]:
    same = and_(letters.c.source == first.source, letters.c.key == first.key)
    found = (await db.execute(select(letters).where(same).order_by(letters.c.version).limit(REHEARSED))).mappings()
    queue = [take_out(row) for row in found]
    return [each for place, each in enumerate(queue) if each.version <= first.version + place]


async def _note(db: AsyncConnection, wish: Signed, what: str) -> int:
    """This will keep who did what, and why, and give the number under which it is kept."""
    signed = {"letter_id": wish.letter_id, "what": what, "by": wish.by, "reason": wish.reason, "at": real()}
    return int((await db.execute(insert(letter_acts).returning(letter_acts.c.id), signed)).scalar_one())
