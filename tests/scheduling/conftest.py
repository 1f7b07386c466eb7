"""A desk: the whole scheduling service on each database, at a known moment."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import clock
from shared.database import Database
from tests.scheduling.makers import NOW, Desk, desk_on


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """A scheduling service on an empty store, at noon of a Monday."""
    clock.step_to(NOW)
    async with desk_on(database, tmp_path) as opened:
        yield opened


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Desk]:
    """The same on SQLite alone, for what is refused before the store is asked."""
    clock.step_to(NOW)
    async with desk_on(Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}"), tmp_path) as opened:
        yield opened
