"""What is about to leave, read for all calls that are made at the same moment in one look at the store."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from services.notifications.rules.sending import Person
from services.notifications.store import people, reminders
from services.notifications.store.reminders import Due
from shared.database import Database


@dataclass(frozen=True)
class Outgoing:
    """A message and its recipient as the store knows them at this moment."""

    due: Due | None
    person: Person | None


class Desk:
    """Gathers the questions that arrive together, and reads the answers to all of them at once."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._asked: list[tuple[UUID | None, UUID, asyncio.Future[Outgoing]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def look(self, *, person_id: UUID, reminder_id: UUID | None = None) -> Outgoing:
        """This will give a person, and a message to them, as the store knows them now."""
        answer: asyncio.Future[Outgoing] = asyncio.get_running_loop().create_future()
        self._asked.append((reminder_id, person_id, answer))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all())
        return await answer

    async def _read_all(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                found = await self._read([(reminder_id, person_id) for reminder_id, person_id, _ in asked])
            except Exception as wrong:
                found = [wrong] * len(asked)
            for (_, _, answer), each in zip(asked, found, strict=True):
                if isinstance(each, Outgoing) and not answer.done():
                    answer.set_result(each)
                elif isinstance(each, Exception) and not answer.done():
                    answer.set_exception(each)

    async def _read(self, asked: list[tuple[UUID | None, UUID]]) -> list[Outgoing | Exception]:
        async with self.database.reading() as db:
            dues = await reminders.some(db, [each for each, _ in asked if each])
            known = await people.known(db, [each for _, each in asked])
        return [Outgoing(dues.get(one) if one else None, known.get(person_id)) for one, person_id in asked]
