"""Starts the servers that tests need: containers when an engine answers, local processes otherwise."""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from deploy.nats import configuration, plan
from deploy.nats.configuration import Configuration

NATS_IMAGE = "docker.io/library/nats:2.15"


@dataclass(frozen=True)
class PostgresServer:
    """A running server; `url` is its maintenance database, `how` is `given`, `container` or `process`."""

    url: str
    how: str


@dataclass(frozen=True)
class Contained:
    """A nats-server in a container; `url` is where clients on this machine connect."""

    url: str


def free_port() -> int:
    """This will find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@cache
def engine_answers() -> bool:
    """This will say whether a Docker-compatible engine can be used."""
    with suppress(Exception):
        import docker

        return bool(docker.from_env(timeout=3).ping())
    return False


def nats_in_container(organisations: Sequence[plan.Organisation], *, shares: int) -> tuple[Contained, Configuration]:
    """This will start a nats-server in a container that lasts as long as this process, and say how it is configured."""
    from testcontainers.core.container import DockerContainer

    folder = Path(tempfile.mkdtemp(prefix="alongside-nats-"))
    listens = {"host": "0.0.0.0", "port": 4222}
    written = configuration.write(folder, organisations, **listens, store=Path("/streams"), shares=shares)
    container = DockerContainer(NATS_IMAGE).with_exposed_ports(4222).with_tmpfs_mount("/streams", "size=1g")
    container.with_volume_mapping(str(written.path), "/etc/nats/server.conf", "ro")
    container.with_command("--config /etc/nats/server.conf").start()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(container.stop)
    port = int(container.get_exposed_port(4222))
    _wait_for_greeting(container.get_container_host_ip(), port)
    return Contained(f"nats://{container.get_container_host_ip()}:{port}"), written


def _wait_for_greeting(host: str, port: int) -> None:
    """A published port is open before anybody listens behind it: only the server's own words prove that it is there."""
    for _ in range(500):
        with suppress(OSError), socket.create_connection((host, port), 0.2) as probe:
            probe.settimeout(1)
            if probe.recv(4) == b"INFO":
                return
        time.sleep(0.02)
    raise RuntimeError("NATS did not start in its container")


FLEETING = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
"""For stores that last as long as a test: nobody fails their power."""


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

    with PostgresContainer("postgres:15", driver=None).with_command(["postgres", *FLEETING]) as container:
        yield container.get_connection_url(driver=None)


@contextmanager
def _as_process() -> Iterator[str]:
    with own_postgres(*FLEETING) as own:
        yield own.url


class OwnPostgres:
    """A PostgreSQL that is a process of this machine, on files of its own: it may be killed and started again."""

    def __init__(self, binaries: Path, folder: Path, settings: Sequence[str] = ()) -> None:
        self.binaries, self.folder, self.settings, self.port = binaries, folder, settings, free_port()
        self.user = "postgres" if os.geteuid() == 0 else None
        self.server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its maintenance database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """This will make its files."""
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        made = [self.binaries / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run(made, user=self.user, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        """This will start it, and return when it takes connections."""
        data, more = self.folder / "data", ("-c", "max_connections=200", *self.settings)
        command = [self.binaries / "postgres", "-D", data, "-p", str(self.port), "-k", self.folder, *more]
        with (self.folder / "log").open("a") as log:
            self.server = subprocess.Popen(command, user=self.user, cwd=self.folder, stdout=log, stderr=log)
        asked = [self.binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        for _ in range(600):
            if subprocess.run(asked, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not start")

    def stop(self) -> None:
        """This will stop it at once, whoever is connected."""
        if self.server:
            self.server.send_signal(signal.SIGQUIT)
            self.server.wait(20)
            self.server = None


def postgres_binaries() -> Path | None:
    """This will say where PostgreSQL's programs are: where Debian puts them, or wherever else they are found."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb")
    return binaries[-1] if binaries else Path(found).parent if found else None


@contextmanager
def own_postgres(*settings: str) -> Iterator[OwnPostgres]:
    """This will give a PostgreSQL to do with what one likes, or skip the test where PostgreSQL is not installed."""
    binaries = postgres_binaries()
    if not binaries:
        pytest.skip("no PostgreSQL: install Debian's postgresql, or start a container engine")
    own = OwnPostgres(binaries, Path(tempfile.mkdtemp(prefix="alongside-pg-")), settings)
    try:
        own.create()
        own.start()
        yield own
    finally:
        own.stop()
        shutil.rmtree(own.folder, ignore_errors=True)
