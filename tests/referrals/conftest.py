"""A desk: the whole referrals service on each database, at a known moment."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import clock
from shared.database import Database
from tests.referrals.makers import NOW, Desk, desk_on


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """A referrals service on an empty store, at noon of a Monday."""
    clock.step_to(NOW)
    async with desk_on(database, tmp_path) as opened:
        yield opened
