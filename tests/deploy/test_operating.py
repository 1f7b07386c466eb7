"""What docs/operating.md tells an operator to do by hand does what it says."""

import re
from pathlib import Path
from uuid import uuid4

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import now
from shared.database import Database
from shared.events.referrals import RiskCleared
from shared.mailbox import Reply
from shared.mailbox.tables import letters
from tests.bus import running_bus, running_mailbox, until, with_shared_tables

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"


def statement() -> str:
    found = re.search(r"```sql\n(.+?);\n```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


async def dead(database: Database) -> bool:
    async with database.reading() as db:
        return bool(await db.scalar(select(func.count()).select_from(letters).where(letters.c.state == "dead")))


async def test_dead_letters_are_tried_again_in_order(database: Database, tmp_path: Path) -> None:
    applied: list[str] = []
    mended = False

    async def apply(fact: RiskCleared, db: AsyncConnection) -> None:
        if not mended:
            raise ZeroDivisionError
        applied.append(fact.cleared_by)

    async def say(by: list[str], db: AsyncConnection) -> Reply:
        person = uuid4()
        facts = [RiskCleared(referral_id=uuid4(), person_id=person, cleared_by=each, cleared_at=now()) for each in by]
        return Reply(None, said=list(facts))

    async def aside() -> bool:
        async with database.reading() as db:
            return await db.scalar(select(func.count()).select_from(letters)) == 2

    speaker = await with_shared_tables(Database.open(f"sqlite:///{tmp_path / 'speaker.sqlite'}"))
    await with_shared_tables(database)
    async with running_bus(tmp_path / "nats") as bus:
        async with (
            running_mailbox(bus, "referrals", speaker, lambda _: None) as says,
            running_mailbox(bus, "matching", database, lambda box: box.on(RiskCleared, apply)),
        ):
            await says.run(say, ["first", "second"])
            await until(aside)
        async with database.transaction() as db:
            await db.execute(text("update letters set state = 'dead', attempts = 10 where state = 'retrying'"))
        assert await dead(database)

        mended = True
        async with database.transaction() as db:
            await db.execute(text(statement()))
        async with running_mailbox(bus, "matching", database, lambda box: box.on(RiskCleared, apply)):

            async def both() -> bool:
                return len(applied) == 2

            await until(both)

    assert applied == ["first", "second"]
    assert not await dead(database)
    await speaker.close()
