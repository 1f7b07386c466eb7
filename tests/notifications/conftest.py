"""What the tests of notifications share."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from shared.database import Database


@pytest.fixture
def schema_differences() -> Callable[..., Any]:
    """Compares a migrated database with the tables a store declares."""

    async def differences(database: Database, metadata: MetaData) -> list[Any]:
        def compare(connection: Connection) -> list[Any]:
            found = compare_metadata(MigrationContext.configure(connection), metadata)
            return [each for each in found if "alembic_version" not in str(each)]

        async with database.transaction() as db:
            return await db.run_sync(compare)

    return differences
