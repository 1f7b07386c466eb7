"""A database that was migrated is the database the code believes in."""

import os
import sqlite3
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, MetaData, inspect

from deploy.premises import equip
from shared import migrations, names
from shared.database import Database

ROOT = Path(__file__).parents[2]


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    """What Alembic would change to make a database what the metadata says."""
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, metadata))


def checks(connection: Connection, metadata: MetaData) -> tuple[set[str], set[str]]:
    """The names of the check constraints: declared, and really there."""
    declared = {
        str(each.name)
        for table in metadata.tables.values()
        for each in table.constraints
        if isinstance(each, CheckConstraint) and each.name
    }
    found = {
        str(each["name"]) for table in metadata.tables for each in inspect(connection).get_check_constraints(table)
    }
    return declared, found


@pytest.mark.parametrize("name", names.SERVICES)
async def test_the_migrated_schema_is_what_the_store_declares(database: Database, name: str) -> None:
    metadata = import_module(f"services.{name}.store").metadata

    await migrations.upgrade(database, name)

    async with database.reading() as db:
        assert await db.run_sync(differences, metadata) == []
        declared, found = await db.run_sync(checks, metadata)
        assert declared == found


def test_a_child_migrates_and_the_parent_never_imports_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'matching.sqlite'}"
    script = (
        "import asyncio, sys\n"
        "from shared import migrations\n"
        "from shared.database import Database\n"
        f"store = Database.open('{url}')\n"
        "migrations.upgrade_in_a_child(store, 'matching', '0/1')\n"
        "asyncio.run(migrations.upgrade(store, 'matching'))\n"
        "print('alembic' in sys.modules)"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)

    assert told.stdout.strip() == "False"
    with sqlite3.connect(tmp_path / "matching.sqlite") as store:
        assert store.execute("select version_num from alembic_version").fetchall() == [(newest("matching"),)]


@pytest.mark.parametrize("name", names.SERVICES)
async def test_migrating_a_second_time_changes_nothing(database: Database, name: str) -> None:
    await migrations.upgrade(database, name)

    await migrations.upgrade(database, name)

    async with database.reading() as db:
        assert await db.run_sync(differences, import_module(f"services.{name}.store").metadata) == []


def newest(service: str) -> str:
    """The newest schema that is here."""
    return max(each.name[:4] for each in (ROOT / "services" / service / "migrations" / "versions").glob("0*.py"))


def test_a_store_of_a_newer_version_is_refused_in_one_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'matching.sqlite'}"
    with sqlite3.connect(tmp_path / "matching.sqlite") as store:
        store.execute("create table alembic_version (version_num text)")
        store.execute("insert into alembic_version values ('0099')")
    equip(tmp_path)
    knobs = {"DATABASE_URL": url, "PROGRAMME": tmp_path / "programme.json", "SEAL_KEYS": tmp_path / "keys/seal.json"}
    environment = os.environ | {f"ALONGSIDE_MATCHING_{name}": str(value) for name, value in knobs.items()}

    ended = subprocess.run(
        [sys.executable, "-m", "services.matching"], capture_output=True, text=True, cwd=ROOT, env=environment
    )

    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"matching: this database is of a newer Alongside (schema 0099; this one knows {newest('matching')}): "
        "install that version"
    ]
