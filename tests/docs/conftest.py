"""A desk to try what the pages say."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import clock
from shared.database import Database
from tests.referrals.makers import NOW, Desk, desk_on


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A referrals service on an empty store."""
    clock.step_to(NOW)
    async with desk_on(Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}"), tmp_path) as opened:
        yield opened
