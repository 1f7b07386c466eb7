"""A desk at which matching works, on each kind of database, or on SQLite alone where the store plays no part."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.database import Database
from tests.matching.desk import Desk


@pytest.fixture
async def desk(database: Database) -> Desk:
    """Matching on Monday noon, on both databases in turn."""
    return await Desk.open(database)


@pytest.fixture
async def sqlite_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Matching on Monday noon, on SQLite."""
    opened = Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yield await Desk.open(opened)
    await opened.close()
