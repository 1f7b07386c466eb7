"""A service takes over a changed programme file, and goes on with what it had where the file is wrong."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shared.following import Following
from shared.programme import Programme

SITE = {"site_id": "main", "public_name": "Main office", "phone": "555-0100"}
HOSPITAL = {"organisation_id": "hospital", "name": "Hospital", "kind": "hospital"}
CLINIC = {"organisation_id": "clinic", "name": "Clinic", "kind": "clinic"}


def write(path: Path, *organisations: dict[str, Any]) -> None:
    """Exchange the file as the command does."""
    draft = path.with_suffix(".draft")
    there = {each["organisation_id"]: each for each in organisations}
    draft.write_text(json.dumps({"sites": {"main": SITE}, "organisations": there}))
    draft.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A programme file with one organisation."""
    write(tmp_path / "programme.json", HOSPITAL)
    return tmp_path / "programme.json"


def followed(path: Path) -> tuple[Programme, Following, CollectorRegistry]:
    """A programme as a service holds it, and what follows its file."""
    programme, registry = Programme.read(path), CollectorRegistry()
    return programme, Following(path, programme, registry), registry


def test_a_file_that_stays_as_it_is_counts_as_no_change(path: Path) -> None:
    _, following, _ = followed(path)

    assert [following.look() for _ in range(3)] == [True, False, False]


def test_a_newcomer_in_the_file_is_known_to_whoever_holds_the_programme(path: Path) -> None:
    programme, following, _ = followed(path)
    following.look()
    before = following.digest

    write(path, HOSPITAL, CLINIC)

    assert following.look()
    assert list(programme.organisations) == ["hospital", "clinic"]
    assert following.digest != before


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"sites": {}, "organisations": {}}', "\ud800"])
def test_a_file_that_is_wrong_changes_nothing_and_is_told_until_it_is_mended(path: Path, content: str) -> None:
    programme, following, registry = followed(path)
    following.look()
    good = following.digest

    path.write_bytes(content.encode("utf-8", "surrogatepass"))

    assert not following.look()
    assert list(programme.organisations) == ["hospital"]
    assert (following.digest, bool(following.refused)) == (good, True)
    assert registry.get_sample_value("programme_refused") == 1

    write(path, HOSPITAL)

    following.look()
    assert (following.digest, following.refused) == (good, "")
    assert registry.get_sample_value("programme_refused") == 0


def test_a_file_that_is_gone_for_a_moment_changes_nothing(path: Path) -> None:
    programme, following, _ = followed(path)
    following.look()
    path.rename(path.with_suffix(".kept"))

    assert not following.look()

    path.with_suffix(".kept").rename(path)
    following.look()
    assert (list(programme.organisations), following.refused) == (["hospital"], "")


async def test_whoever_waits_for_newcomers_is_called_after_each_change(path: Path) -> None:
    programme, following, _ = followed(path)
    told: list[list[str]] = []
    heard = asyncio.Event()

    async def changed() -> None:
        told.append(list(programme.organisations))
        heard.set()

    task = asyncio.create_task(following.for_ever(changed))
    await asyncio.wait_for(heard.wait(), 5)
    heard.clear()
    write(path, HOSPITAL, CLINIC)
    await asyncio.wait_for(heard.wait(), 5)
    task.cancel()

    assert told == [["hospital"], ["hospital", "clinic"]]


def test_a_site_that_changed_waits_for_a_start_and_is_told_of(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    programme, following, _ = followed(path)
    following.look()
    told = json.loads(path.read_text())
    told["sites"]["main"]["on_call"] = "https://pager.example"
    path.write_text(json.dumps(told))

    following.look()

    assert programme.sites["main"].on_call == ""
    assert following.waits == ["sites"]
    assert "sites of the changed programme count when the service starts again" in caplog.text


async def test_a_fault_while_newcomers_are_let_in_is_told_and_tried_again(path: Path) -> None:
    _, following, registry = followed(path)
    tries: list[float | None] = []

    async def changed() -> None:
        tries.append(registry.get_sample_value("programme_refused"))
        if len(tries) < 2:
            raise RuntimeError("a fault")
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(following.for_ever(changed), 10)

    assert len(tries) == 2
    assert following.digest
