"""What the commands show while one service is ill: what all the others say, and who is missing with what it said."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from deploy import ports
from deploy.premises import Addresses, database_urls, equip
from shared import names
from tests.deploy.terminal import said

PROBLEM = json.dumps({"title": "The database is away", "status": 503}).encode()
TASK = {
    "task_id": str(uuid4()),
    "kind": "screen",
    "about": str(uuid4()),
    "owner": "coordinator",
    "due": "2026-05-14T12:00:00Z",
    "opened_at": "2026-05-14T12:00:00Z",
}
WELL = {"/work": [TASK], "/letters": {"queues": 0, "letters": []}}


@contextmanager
def answering(status: int, body: bytes | None, kind: str) -> Iterator[str]:
    """A service that answers everything so; well, when it has no words of its own."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            words = json.dumps(WELL[self.path.partition("?")[0]]).encode() if body is None else body
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            self.wfile.write(words)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def deployed(data: Path, ill: tuple[int, bytes, str] | None, *, well: bool = True) -> Iterator[str]:
    """A deployment whose matching service is ill, or not there; and where it is."""
    equip(data)
    with ExitStack() as stack:
        here = {
            each: stack.enter_context(answering(200, None, "application/json") if well else answering(*(ill or ())))
            for each in names.SERVICES
        }
        nowhere = f"http://127.0.0.1:{ports.free()}"
        here["matching"] = stack.enter_context(answering(*ill)) if ill else nowhere
        Addresses(here, "nats://127.0.0.1:1", database_urls(data, None)).write(data)
        yield here["matching"]


@pytest.mark.parametrize("command", [["work"], ["letters", "list"]])
@pytest.mark.parametrize(
    ("ill", "words"),
    [
        ((500, b"Internal Server Error", "text/plain"), "(status 500, and no JSON)"),
        ((503, PROBLEM, "application/problem+json"), "(status 503: The database is away)"),
        ((200, b"<html>", "text/html"), "(status 200, and no JSON)"),
        (None, "(nobody listens)"),
    ],
)
def test_one_ill_service_hides_nothing_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], ill: tuple[int, bytes, str] | None, words: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    with deployed(tmp_path, ill) as where:
        code, told = said(*command, "--data", str(tmp_path))

    assert code == 2
    assert f"matching does not answer at {where}" in told and words in told
    assert told.count("does not answer") == 1, told
    assert command != ["work"] or told.count(TASK["task_id"]) == 3


def test_where_everybody_is_ill_each_is_named_with_its_status(tmp_path: Path) -> None:
    with deployed(tmp_path, (503, PROBLEM, "application/problem+json"), well=False):
        code, told = said("work", "--data", str(tmp_path))

    assert code == 2 and "Nobody answers" in told
    assert told.count("(status 503: The database is away)") == len(names.SERVICES)
