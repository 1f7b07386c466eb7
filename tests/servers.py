"""Starts the servers that tests need: containers when an engine answers, local processes otherwise."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class PostgresServer:
    """A running server; `url` is its maintenance database, `how` is `given`, `container` or `process`."""

    url: str
    how: str


def free_port() -> int:
    """This will find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def engine_answers() -> bool:
    """This will say whether a Docker-compatible engine can be used."""
    with suppress(Exception):
        import docker

        return bool(docker.from_env(timeout=3).ping())
    return False


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """This will give a PostgreSQL, or skip the test with the reason why there is none."""
    given = os.environ.get("ALONGSIDE_TEST_POSTGRES")
    if given:
        yield PostgresServer(given, "given")
    elif engine_answers():
        with _in_container() as url:
            yield PostgresServer(url, "container")
    else:
        with _as_process() as url:
            yield PostgresServer(url, "process")


@contextmanager
def _in_container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer("postgres:15", driver=None) as container:
        yield container.get_connection_url(driver=None)


@contextmanager
def _as_process() -> Iterator[str]:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
        Path(found).parent for found in [shutil.which("initdb")] if found
    ]
    if not binaries:
        pytest.skip("no PostgreSQL: install Debian's postgresql, or start a container engine")
    folder, port = Path(tempfile.mkdtemp(prefix="alongside-pg-")), free_port()
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data, run = folder / "data", {"user": user, "cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([binaries[-1] / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"], **run)
    command = [binaries[-1] / "postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "max_connections=200"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        _wait_for(port)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(2)
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not start")
