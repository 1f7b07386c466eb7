"""A database that is away is waited for with growing pauses, not stormed; what waited is heard once when it is back."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.away import is_away
from shared.database import Database
from shared.events.referrals import RiskCleared
from shared.mailbox.box import Mailbox
from shared.mailbox.tables import letters, outbox
from tests.bus import Bus, running_mailbox, until
from tests.conftest import new_database
from tests.servers import OwnPostgres, own_postgres
from tests.shared.parties import all_sent, cleared, count, diary, note, noted, say_all, says_only, silent, with_a_diary

AWAY = float(os.environ.get("AWAY_SECONDS", "6"))
WAITING = int(os.environ.get("AWAY_LETTERS", "2000"))
DRAINED_WITHIN = 60 + WAITING / 50
LOOPS = 6
"""Those of a mailbox, and its one consumer."""


class Counted(Database):
    """A store that counts how often somebody wanted to write in it, and how often to read."""

    writing = looking = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """The same, counted."""
        self.writing += 1
        async with super().transaction() as db:
            yield db

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """The same, counted."""
        self.looking += 1
        async with super().reading() as db:
            yield db


class StoppedPostgres:
    """PostgreSQL, whose server is stopped."""

    def __init__(self, own: OwnPostgres, database: Database) -> None:
        self.own, self.database = own, database

    def take_away(self) -> None:
        """Stop the server, whoever is connected."""
        self.own.stop()

    def give_back(self) -> None:
        """Start it again on the same files."""
        self.own.start()


class LockedSqlite:
    """SQLite, whose file another process keeps to itself."""

    program = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
held.execute("begin exclusive")
print("held", flush=True)
sys.stdin.read()
"""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.holder: subprocess.Popen[str] | None = None

    def take_away(self) -> None:
        """Lock the file from another process."""
        command = [sys.executable, "-c", self.program, str(self.database.path)]
        self.holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout and self.holder.stdout.readline() == "held\n"

    def give_back(self) -> None:
        """End that process."""
        if self.holder:
            self.holder.communicate("")
            self.holder = None


@pytest.fixture(params=["sqlite", "postgresql"])
async def absence(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    """A store of each kind that can be taken away."""
    if request.param == "sqlite":
        database = Counted.open(f"sqlite:///{tmp_path / 'store.sqlite'}")
        locked = LockedSqlite(await with_a_diary(database))
        yield locked
        locked.give_back()
        await database.close()
        return
    with own_postgres() as own:
        database = Counted.open(await new_database(own.url))
        yield StoppedPostgres(own, await with_a_diary(database))
        await database.close()


class Handler:
    """Counts how often it was asked to hear something."""

    def __init__(self) -> None:
        self.heard = 0

    async def hear(self, facts: list[RiskCleared], db: AsyncConnection) -> None:
        """Note all of them."""
        self.heard += len(facts)
        for each in facts:
            await note(db, each.cleared_by)


def most_attempts(seconds: float) -> float:
    """How often pauses that double from a tenth of a second to five seconds let anybody try, for all that try."""
    return LOOPS * (8 + seconds / 5)


def most_looks(seconds: float) -> float:
    """The same where only writing fails: each loop goes on to look once a second."""
    return most_attempts(seconds) + LOOPS * seconds


async def test_a_database_that_is_away_is_not_stormed_and_what_waited_is_heard_once_when_it_is_back(
    bus: Bus, absence: Any, speaker: Database
) -> None:
    handler, people = Handler(), [uuid4() for _ in range(50)]
    facts = [cleared(people[each % 50], f"{each:05}") for each in range(WAITING)]
    early, late = facts[: WAITING // 4], facts[WAITING // 4 :]

    def register(mailbox: Mailbox) -> None:
        mailbox.on_many(RiskCleared, handler.hear)

    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        running_mailbox(bus, "matching", absence.database, register),
    ):
        await says.run(say_all, early)
        await until(lambda: count(absence.database, diary))
        await asyncio.to_thread(absence.take_away)
        wrote, looked, gone = absence.database.writing, absence.database.looking, time.monotonic()
        await says.run(say_all, late)
        await until(lambda: all_sent(speaker), within=60)
        await asyncio.sleep(max(0.0, AWAY - (time.monotonic() - gone)))
        away_for, heard_meanwhile = time.monotonic() - gone, handler.heard
        wrote, looked = absence.database.writing - wrote, absence.database.looking - looked
        await asyncio.to_thread(absence.give_back)
        await until(lambda: all_there(absence.database), within=DRAINED_WITHIN)

    assert wrote <= most_attempts(away_for) and looked <= most_looks(away_for)
    assert heard_meanwhile < WAITING
    assert handler.heard <= 2 * WAITING
    what = await noted(absence.database)
    assert sorted(what) == [each.cleared_by for each in facts]
    for person in range(50):
        of_one = [each for each in what if int(each) % 50 == person]
        assert of_one == sorted(of_one)
    assert await count(absence.database, letters) == 0


async def all_there(database: Database) -> bool:
    return await count(database, diary) == WAITING


async def test_an_edge_is_told_that_the_server_is_away_and_does_its_work_when_it_is_back(absence: Any) -> None:
    if isinstance(absence, LockedSqlite):
        pytest.skip("for a locked SQLite file an edge waits, half a minute: nobody is told anything")
    mailbox = silent("referrals", absence.database)
    await mailbox.run(say_all, [cleared(uuid4(), "before")])

    await asyncio.to_thread(absence.take_away)
    with pytest.raises((DBAPIError, OSError)) as told:
        await mailbox.run(say_all, [cleared(uuid4(), "meanwhile")])
    await asyncio.to_thread(absence.give_back)
    await mailbox.run(say_all, [cleared(uuid4(), "after")])

    assert is_away(told.value)
    assert await count(absence.database, outbox) == 2
