"""A small service in a process of its own, which a test may kill where it likes: `halt` says where it goes no further.

It hears `RiskCleared`; the fact's `cleared_by` says what to do: "call" calls outside, "ring" sets a timer, "poison"
fails until the file `mended` is there, and anything else is noted. Calls outside are lines in the file `calls`.
"""

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from shared import sealed
from shared.clock import now
from shared.database import Database, DatabaseInUse
from shared.events.matching import OfferFellDue, RoomFreed
from shared.events.referrals import CrisisRaised, RiskCleared
from shared.mailbox import Errand, Later, Trip
from shared.mailbox.box import Mailbox
from shared.mailbox.tables import errands
from tests.bus import carrying, until
from tests.shared.parties import count, note, silent


@dataclass(frozen=True)
class Told:
    """What the process is started with."""

    database: str
    nats: str
    seed: str
    folder: str
    share: str = "0/1"
    halt: str = ""

    @property
    def calls(self) -> Path:
        """The outside world: one line a call."""
        return Path(self.folder) / "calls"

    @property
    def mended(self) -> Path:
        """While it is not there, poison is poison."""
        return Path(self.folder) / "mended"


class Small:
    """The service's handlers."""

    def __init__(self, told: Told, say: Callable[[str], None] = print) -> None:
        self.told, self.say = told, say

    async def reached(self, point: str) -> None:
        """Say so and go no further, where that was asked for."""
        if self.told.halt == point:
            self.say(point)
            await asyncio.Event().wait()

    async def hear(self, fact: RiskCleared, db: AsyncConnection) -> Sequence[Any]:
        """Note, and do what is asked for."""
        if fact.cleared_by.startswith("poison") and not self.told.mended.exists():
            raise ZeroDivisionError
        await note(db, f"{self.told.share} {fact.cleared_by}")
        await self.reached("heard")
        return [RoomFreed(supporter_id=fact.person_id, site_id="north"), *self._more(fact)]

    def _more(self, fact: RiskCleared) -> list[Any]:
        if fact.cleared_by.startswith("ring"):
            return [Later(OfferFellDue(offer_id=fact.referral_id, person_id=fact.person_id), due=now())]
        if not fact.cleared_by.startswith("call"):
            return []
        page = CrisisRaised(
            referral_id=fact.referral_id, person_id=fact.person_id, site_id="north", raised_at=fact.cleared_at
        )
        return [Errand(page, f"again {fact.cleared_by}"), Errand(fact, f"once {fact.cleared_by}")]

    async def ring(self, fact: OfferFellDue, db: AsyncConnection) -> Any:
        """Note that it rang."""
        await note(db, f"{self.told.share} rang {fact.person_id}")
        await self.reached("rung")
        return RoomFreed(supporter_id=uuid5(fact.offer_id, "rang"), site_id="north")

    async def call(self, fact: Any, trip: Trip) -> str:
        """Call outside."""
        await self.reached("calling")
        with self.told.calls.open("a") as line:
            line.write(f"{trip.key}{' lost' if trip.lost else ''}\n")
        await self.reached("called")
        return "answered"

    async def home(self, fact: Any, result: Any, db: AsyncConnection) -> None:
        """Note what came of it."""
        kind = "again" if isinstance(fact, CrisisRaised) else "once"
        await note(db, f"{self.told.share} {kind} {result}")
        await self.reached("home")

    def register(self, mailbox: Mailbox) -> None:
        """The switchboard."""
        mailbox.on(RiskCleared, self.hear)
        mailbox.on_timer(OfferFellDue, self.ring)
        mailbox.errand(CrisisRaised, self.call, then=self.home, repeatable=True)
        mailbox.errand(RiskCleared, self.call, then=self.home, repeatable=False)
        if self.told.halt == "intended":
            mailbox.loops = tuple(each for each in mailbox.loops if each is not mailbox.errands)


async def serve(told: Told, say: Callable[[str], None]) -> None:
    """Work the share until killed."""
    sealed.use({"k1": bytes(range(32))}, "k1")
    database, small = Database.open(told.database), Small(told, say)
    await database.claim(told.share)
    mailbox = silent("matching", database, told.share)
    small.register(mailbox)
    async with carrying(mailbox, told.nats, Path(told.seed)):
        say("ready")
        if told.halt == "intended":
            await until(lambda: count(database, errands), within=60)
            await small.reached("intended")
        await asyncio.Event().wait()


def main(told: Told, heard: Connection) -> None:
    """What the process runs."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        asyncio.run(serve(told, heard.send))
    except DatabaseInUse as refused:
        heard.send(f"refused: {refused}")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
