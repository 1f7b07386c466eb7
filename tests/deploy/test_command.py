"""What the command says where something is wrong: one clear line, in seconds, and an exit code."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from deploy import ports
from deploy.nats.topology import TopologyError
from deploy.premises import Addresses, database_urls, equip
from deploy.stores import refuse_unanswered
from deploy.supervisor import StartError
from deploy.up import open_bus
from shared import names
from tests.deploy.ground import Ground
from tests.deploy.terminal import said
from tests.servers import PostgresServer

NOBODY = "nats://127.0.0.1:1"


def test_a_command_loads_no_database_and_no_server_before_it_needs_one() -> None:
    heavy = {"sqlalchemy", "fastapi", "faststream", "scipy", "services"}
    program = f"import sys, deploy.alongside; print(*sorted({heavy} & set(sys.modules)))"

    assert subprocess.check_output([sys.executable, "-c", program], text=True).split() == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--port-base", "70000", "65530"),
        ("--port-base", "-5", "1024"),
        ("--nats", "not a url", "nats://broker.example.org:4222"),
        ("--nats", "nats://", "nats://broker.example.org:4222"),
        ("--nats", "nats://here:99999", "nats://broker.example.org:4222"),
        ("--database", "nonsense{service}", "postgresql://"),
        ("--database", "postgresql://me@host/alongside", "{service}"),
        ("--data", __file__, "is a file"),
    ],
)
def test_a_value_that_cannot_be_meant_ends_with_2_and_an_example(option: str, value: str, words: str) -> None:
    code, told = said("up", option, value)

    assert code == 2
    assert words in " ".join(told.replace("│", "").split())


def test_a_folder_below_a_file_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    code, told = said("up", "--data", str(tmp_path / "file" / "data"))

    assert code == 2
    assert told == f"alongside: [Errno 20] Not a directory: '{tmp_path / 'file' / 'data'}'\n"


def test_a_broker_that_runs_elsewhere_is_looked_at_first_and_its_file_left_alone(tmp_path: Path) -> None:
    before = equip(tmp_path, nats_host="0.0.0.0", nats_port=4222).broker.path.read_bytes()
    began = time.monotonic()

    code, told = said("up", "--data", str(tmp_path), "--port-base", str(free_base()), "--nats", NOBODY)

    assert code == 2
    assert f"No broker answers at {NOBODY}: is it started with {tmp_path}/nats/nats-server.conf" in told
    assert time.monotonic() - began < 15
    assert (tmp_path / "nats" / "nats-server.conf").read_bytes() == before
    assert not (tmp_path / "addresses.json").exists()


async def test_a_broker_with_another_configuration_is_told_apart_from_none(bare: Ground, tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="does not know our keys: run it with the configuration"):
        await open_bus(bare.url, equip(tmp_path), within=60)


async def test_a_postgresql_that_is_away_is_told_before_anything_starts() -> None:
    with pytest.raises(StartError, match=r"The database of \w+ does not answer .*Errno 111.*--database"):
        await refuse_unanswered(database_urls(Path(), "postgresql://me:secret@127.0.0.1:1/a_{service}"))


async def test_a_database_that_nobody_made_is_told_with_the_servers_words(postgres: PostgresServer) -> None:
    url = f"{postgres.url.rsplit('/', 1)[0]}/none_{{service}}"

    with pytest.raises(StartError, match=r'database "none_\w+" does not exist'):
        await refuse_unanswered(database_urls(Path(), url))


def test_work_says_how_to_start_where_nothing_runs(tmp_path: Path) -> None:
    inhabit(tmp_path, {name: f"http://127.0.0.1:{ports.free()}" for name in names.SERVICES})

    code, told = said("work", "--data", str(tmp_path))

    assert code == 2
    assert told == f"alongside: Nothing runs from {tmp_path}: start it with `alongside up --data {tmp_path}`.\n"


def test_work_shows_what_it_can_and_names_a_service_that_is_silent(tmp_path: Path) -> None:
    task = {"task_id": str(uuid4()), "about": str(uuid4()), "kind": "crisis", "owner": "on-call"}
    with serving([{**task, "due": "2026-01-05T13:00:00Z", "opened_at": "2026-01-05T13:00:00Z"}]) as url:
        silent = f"http://127.0.0.1:{ports.free()}"
        inhabit(tmp_path, {**dict.fromkeys(names.SERVICES, url), "scheduling": silent})

        code, told = said("work", "--data", str(tmp_path))

    assert code == 2
    assert "3 tasks wait for a person" in told
    assert f"scheduling does not answer at {silent}" in " ".join(told.split())


def test_a_task_is_shown_with_its_own_id_by_which_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    task = {"task_id": str(uuid4()), "about": str(uuid4()), "kind": "crisis", "owner": "on-call"}
    with serving([{**task, "due": "2026-01-05T13:00:00Z", "opened_at": "2026-01-05T13:00:00Z"}]) as url:
        inhabit(tmp_path, dict.fromkeys(names.SERVICES, url))

        code, told = said("work", "--data", str(tmp_path))

    assert code == 0
    assert told.count(task["task_id"]) == told.count(task["about"]) == len(names.SERVICES)


def free_base() -> int:
    return next(base for base in range(23000, 29000, 10) if not any(ports.is_taken(base + each) for each in range(6)))


def inhabit(data: Path, services: dict[str, str]) -> None:
    """Leave in a folder what a run would: addresses, programme and keys."""
    equip(data)
    Addresses(services, NOBODY, database_urls(data, None)).write(data)


@contextmanager
def serving(tasks: list[dict[str, str]]) -> Iterator[str]:
    """Answer every request with these tasks."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(tasks).encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
