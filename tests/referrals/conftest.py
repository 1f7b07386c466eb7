"""A desk: the whole referrals service on each database, at a known moment."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import clock
from shared.database import Database
from tests.conftest import Migrated
from tests.referrals.makers import NOW, Desk, desk_on


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """A referrals service on an empty store, at noon of a Monday."""
    clock.step_to(NOW)
    async with desk_on(database, tmp_path) as opened:
        yield opened


@pytest.fixture
async def small(tmp_path: Path, migrated: Migrated) -> AsyncIterator[Desk]:
    """A desk on SQLite, for what the database has no part in."""
    clock.step_to(NOW)
    path = tmp_path / "referrals.sqlite"
    await migrated.sqlite("referrals", path)
    async with desk_on(Database.open(f"sqlite:///{path}"), tmp_path) as opened:
        yield opened
