"""The real demo, started as anybody would: one command, in a process of its own, with everything real under it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any

import httpx

from deploy import ports

ROOT = Path(__file__).resolve().parents[1]
LIVE = "The system is live"
SERVICES = ("referrals", "matching", "scheduling", "notifications")
PEOPLE, SEED = int(os.environ.get("PEOPLE", "10")), int(os.environ.get("SEED", "7"))
"""Few enough for CI, and enough for one of each mishap that the summary tells of; `make storms` wants more."""


@dataclass(frozen=True)
class Demo:
    """A demo under way or over: its process, its data folder, and the file with what it printed."""

    process: subprocess.Popen[bytes]
    data: Path
    printed: Path

    @property
    def log(self) -> Path:
        """What the message provider took."""
        return self.data / "provider" / "taken.jsonl"

    def is_live(self) -> bool:
        """The play is over and the system stays."""
        return LIVE in self.printed.read_text()

    def until_live(self, within: float = 300.0 + 5 * PEOPLE) -> None:
        """Wait for the end of the play."""
        deadline = time.monotonic() + within
        while not self.is_live():
            assert self.process.poll() is None, self.last_words()
            assert time.monotonic() < deadline, f"the play was not over within {within} s: {self.last_words()}"
            time.sleep(0.2)

    def last_words(self) -> str:
        """What it printed last."""
        return self.printed.read_text()[-2000:]

    def pids(self) -> dict[str, int]:
        """The processes as they run now, by name."""
        path = self.data / "processes.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def addresses(self) -> dict[str, Any]:
        """Where everything listens."""
        return json.loads((self.data / "addresses.json").read_text())

    def figures(self) -> dict[str, int]:
        """What all services count."""
        key = (self.data / "keys" / "api" / "programme.key").read_text().strip()
        found: dict[str, int] = {}
        for url in self.addresses()["services"].values():
            answer = httpx.get(
                f"{url}/figures", headers={"Authorization": f"Bearer {key}"}, timeout=10, trust_env=False
            )
            found |= answer.raise_for_status().json()
        return found

    def is_ready(self, name: str) -> bool:
        """Whether a process answers, also after it was started again."""
        addresses = self.addresses()
        try:
            if name in addresses["services"]:
                return httpx.get(f"{addresses['services'][name]}/ready", timeout=1, trust_env=False).status_code == 200
            port = int(addresses["nats"].rsplit(":", 1)[1])
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except (httpx.HTTPError, OSError):
            return False

    def end(self) -> int:
        """Ask it to drain and end, as Ctrl-C does."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def demo(
    folder: Path, *options: str, people: int = PEOPLE, seed: int = SEED, base: int | None = None
) -> Iterator[Demo]:
    """Start a demo, and see that nothing of it is left in the end."""
    data, printed = folder / "demo", folder / "printed"
    where = ["--data", str(data), "--port-base", str(base or free_base())]
    what = ["--people", str(people), "--seed", str(seed), *options]
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.alongside", "demo", *where, *what],
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "200"},
            stdout=out,
            stderr=subprocess.STDOUT if "--json" not in options else subprocess.DEVNULL,
        )
        started = Demo(process, data, printed)
        try:
            yield started
        finally:
            if process.poll() is None:
                started.end()


@contextmanager
def up(data: Path, base: int, *options: str) -> Iterator[Demo]:
    """The deployment at work, drained at the end as by Ctrl-C."""
    printed = data.parent / "printed"
    command = [sys.executable, "-m", "deploy.alongside", "up", "--data", str(data), "--port-base", str(base), *options]
    with printed.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        running = Demo(process, data, printed)
        try:
            until(lambda: b"Ready." in printed.read_bytes() or process.poll() is not None)
            assert process.poll() is None, running.last_words()
            yield running
        finally:
            running.end()


def until(check: Callable[[], bool], within: float = 60) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, f"did not become true within {within} s"
        time.sleep(0.1)


def free_base() -> int:
    """A port with nine free ones after it: four services, the message provider, and lines of HL7 v2.

    It lies below those that the system gives to whoever connects, which are taken again at any moment.
    """
    while True:
        base = SystemRandom().randrange(10_000, 32_000, 10)
        if not any(ports.is_taken(base + each) for each in range(10)):
            return base


def alongside(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the command, and give what it said."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.alongside", *options],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def quiet_summary(folder: Path) -> dict[str, int]:
    """What the quiet demo counts; it is played once, however many tests ask."""
    if not QUIET:
        with demo(folder, "--json") as played:
            assert played.process.wait(300 + 5 * PEOPLE) == 0, played.last_words()
            QUIET.append((played, json.loads(played.printed.read_text())))
    return QUIET[0][1]


QUIET: list[tuple[Demo, dict[str, int]]] = []
