"""A data folder is one process's at a time, and whoever comes second changes nothing in it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from deploy import demo, ports
from deploy.claim import FolderInUse, claimed
from deploy.premises import MARK, Addresses, equip
from deploy.supervisor import StartError
from deploy.up import Plan, running, usual_port
from tests.deploy.terminal import said

HOLDS = """
import sys, time
from pathlib import Path
from deploy.claim import claimed
with claimed(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(60)
"""


def content(data: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in sorted(data.rglob("*")) if each.is_file()}


def test_a_second_claim_is_refused_and_names_the_folder_and_the_holder(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(FolderInUse) as refused, claimed(tmp_path):
        pass

    assert f"{tmp_path} is in use by process {os.getpid()}" in str(refused.value)
    assert "choose another --data" in str(refused.value)


def test_a_claim_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout and holder.stdout.readline() == b"holds\n"
    with pytest.raises(FolderInUse, match=f"process {holder.pid}"), claimed(tmp_path):
        pass

    holder.kill()
    holder.communicate()

    with claimed(tmp_path):
        assert (tmp_path / "alongside.lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("command", ["up", "prepare", "demo"])
def test_no_command_writes_in_a_folder_from_which_another_process_runs(tmp_path: Path, command: str) -> None:
    demo.begin_afresh(tmp_path)
    Addresses({}, "nats://127.0.0.1:4222", {}).write(equip(tmp_path).data)
    with claimed(tmp_path):
        before = content(tmp_path)

        code, words = said(command, "--data", str(tmp_path))

        assert content(tmp_path) == before
    assert code == 2
    assert f"{tmp_path} is in use" in words


def test_a_demo_clears_all_but_its_own_claim(tmp_path: Path) -> None:
    demo.begin_afresh(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "matching.log").write_text("of yesterday")

    with claimed(tmp_path):
        demo.begin_afresh(tmp_path)

        with pytest.raises(FolderInUse), claimed(tmp_path):
            pass
    assert sorted(each.name for each in tmp_path.iterdir()) == ["alongside.lock", MARK]


def test_a_demo_that_is_attached_claims_nothing(tmp_path: Path) -> None:
    wanted = demo.Wanted(1, 1, stay=False, attach=True)

    with claimed(tmp_path), pytest.raises(FileNotFoundError, match="alongside prepare"):
        asyncio.run(demo.run(Plan(tmp_path, clock="stepped"), wanted, Console(quiet=True)))


def test_a_refused_demo_leaves_nothing_in_a_folder_that_no_demo_made(tmp_path: Path) -> None:
    (tmp_path / "books").write_text("somebody's")
    wanted = demo.Wanted(1, 1, stay=False)

    with pytest.raises(ValueError, match="was not made by a demo"):
        asyncio.run(demo.run(Plan(tmp_path, clock="stepped"), wanted, Console(quiet=True)))

    assert [each.name for each in tmp_path.iterdir()] == ["books"]


def test_the_broker_comes_back_on_the_port_of_the_last_run_while_it_is_free(tmp_path: Path) -> None:
    port = ports.free()
    Addresses({}, f"nats://{ports.LOOPBACK}:{port}", {}).write(tmp_path)

    assert usual_port(tmp_path) == port

    Addresses({}, "nats://broker.example.org:4222", {}).write(tmp_path)
    assert usual_port(tmp_path) != 4222


async def test_a_taken_port_is_named_before_anything_is_written(tmp_path: Path) -> None:
    base = ports.free()
    async with await asyncio.start_server(lambda *_: None, ports.LOOPBACK, base + 2):
        with pytest.raises(StartError, match=rf"{base + 2} \(for matching\).*--port-base"):
            async with running(Plan(tmp_path, base)):
                pass

    assert content(tmp_path) == {}
