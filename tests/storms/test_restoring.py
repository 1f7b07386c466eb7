"""Stores of one moment are put back under a broker that was emptied: everything said by then is heard by everybody."""

import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared import names
from tests.demos import ROOT, Demo, alongside, free_base, until, up
from tests.storms import aftermath

EXAMPLE = json.loads((ROOT / "docs" / "examples" / "service-request.json").read_text())
LISTENER = "matching"


def refer(running: Demo, number: int) -> int:
    """Post a referral, and give the status of the answer."""
    key = (running.data / "keys" / "api" / "general-hospital.key").read_text().strip()
    body = json.dumps(EXAMPLE).replace("README-1", f"R-{number}").replace("README-M-1", f"M-{number}")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/fhir+json"}
    url = f"{running.addresses()['services']['referrals']}/fhir/ServiceRequest"
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=10).status_code


def unsent(running: Demo) -> int:
    """How much of what referrals said waits for the broker."""
    with closing(sqlite3.connect(f"file:{running.data / 'referrals.sqlite'}?mode=ro", uri=True)) as db:
        return int(db.execute("select count(*) from outbox where sent_at is null").fetchone()[0])


def copied(data: Path, folder: Path) -> None:
    """Copy the stores, as the operator's book says."""
    folder.mkdir()
    for each in names.SERVICES:
        with closing(sqlite3.connect(data / f"{each}.sqlite")) as db, closing(sqlite3.connect(folder / each)) as copy:
            db.backup(copy)


def put_back(data: Path, folder: Path) -> None:
    """Put the stores back in the place of what came after them."""
    for each in data.glob("*.sqlite*"):
        each.unlink()
    for each in names.SERVICES:
        shutil.copy(folder / each, data / f"{each}.sqlite")


def live_on_and_put_back(data: Path, base: int) -> None:
    """Copy the stores while facts are on their way that only the broker has, live on, end, and put the copies back."""
    with up(data, base) as running:
        refer(running, 1)
        aftermath.seconds_until_rest(running)
        os.kill(running.pids()[LISTENER], signal.SIGSTOP)
        refer(running, 2)
        until(lambda: unsent(running) == 0)
        copied(data, data.parent / "copies")
        os.kill(running.pids()[LISTENER], signal.SIGCONT)
        refer(running, 3)
        aftermath.seconds_until_rest(running)
    put_back(data, data.parent / "copies")


def judged(running: Demo) -> tuple[int, list[dict[str, Any]]]:
    """What `alongside check` says."""
    told = alongside("check", "--data", str(running.data), "--json")
    return told.returncode, [each for each in json.loads(told.stdout) if each["broken"] or each["unseen"]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A deployment with the demo's organisations, in which nothing has happened."""
    made = tmp_path / "data"
    assert alongside("prepare", "--demo", "--data", str(made)).returncode == 0
    return made


def test_what_was_on_its_way_is_heard_and_what_came_later_is_posted_again(data: Path) -> None:
    base = free_base()
    live_on_and_put_back(data, base)
    shutil.rmtree(data / "nats" / "jetstream")

    with up(data, base) as running:
        until(lambda: judged(running) == (0, []))
        again = [refer(running, each) for each in (1, 2, 3)]
        aftermath.seconds_until_rest(running)
        after = judged(running)

    assert after == (0, [])
    assert again == [200, 200, 201]


def test_a_broker_that_keeps_its_streams_never_says_again_what_was_on_its_way(data: Path) -> None:
    base = free_base()
    live_on_and_put_back(data, base)

    with up(data, base) as running:
        # Whoever says something has looked at the stream before: had anything to be said again, it would be under way.
        refer(running, 4)
        aftermath.seconds_until_rest(running)
        code, broken = judged(running)

    assert code == 1
    assert "I6" in {each["promise"] for each in broken}
