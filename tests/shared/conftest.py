"""A bus, a store that hears and a store that speaks, for the promises of the mailbox."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.database import Database
from tests.bus import Bus, running_bus, with_shared_tables
from tests.shared import parties


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    """A real NATS."""
    async with running_bus(tmp_path / "nats") as running:
        yield running


@pytest.fixture
async def listener(database: Database) -> Database:
    """A store of each kind, with the mailbox's tables and one of its own."""
    return await parties.with_a_diary(database)


@pytest.fixture
async def speaker(tmp_path: Path) -> AsyncIterator[Database]:
    """A store of somebody who only speaks."""
    opened = Database.open(f"sqlite:///{tmp_path / 'speaker.sqlite'}")
    yield await with_shared_tables(opened)
    await opened.close()
