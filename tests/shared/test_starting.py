"""A service that is started before its database waits for it, and says plainly what keeps it from starting."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from shared import sealed
from shared.database import Database
from tests.bus import PROGRAMME
from tests.servers import OwnPostgres, own_postgres


@pytest.fixture(scope="module")
def own() -> Iterator[OwnPostgres]:
    """A PostgreSQL to stop and start."""
    with own_postgres() as server:
        yield server


async def test_waits_for_a_database_that_is_started_later(own: OwnPostgres, caplog: pytest.LogCaptureFixture) -> None:
    own.stop()
    database = Database.open(own.url)

    waiting = asyncio.create_task(database.until_it_answers())
    await asyncio.sleep(0.2)
    waited = not waiting.done()
    await asyncio.to_thread(own.start)
    await waiting

    assert waited
    assert "waiting for the database" in caplog.text and str(own.port) in caplog.text


async def test_gives_up_on_a_name_that_nobody_knows() -> None:
    database = Database.open("postgresql://somebody@database.invalid/alongside")

    with pytest.raises(OSError, match=r"Name or service not known|nodename"):
        await database.until_it_answers(within=0.5)


def test_a_database_that_refuses_ends_the_service_at_once_with_one_line(own: OwnPostgres, tmp_path: Path) -> None:
    (tmp_path / "programme.json").write_text(PROGRAMME.model_dump_json())
    (tmp_path / "seal.json").write_text(sealed.new_keys())
    nobody = make_url(own.url).set(username="nobody").render_as_string()
    knobs = {"PROGRAMME": "programme.json", "SEAL_KEYS": "seal.json", "DATABASE_URL": nobody}
    named = {f"ALONGSIDE_MATCHING_{knob}": value for knob, value in knobs.items()}
    surroundings = {**os.environ, **named, "PYTHONPATH": str(Path(__file__).parents[2])}

    started = subprocess.run(
        [sys.executable, "-m", "services.matching"],
        cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert started.returncode == 1
    assert started.stderr.splitlines() == ['matching: role "nobody" does not exist']
