"""compose.yaml, built and started for real: the demo plays on it, and every promise is checked on its PostgreSQL."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy import ports
from shared import names
from tests.servers import engine_answers

ROOT = Path(__file__).parents[2]
FILES = ("deploy/compose.yaml", "deploy/compose.demo.yaml")
PEOPLE = 5


@dataclass(frozen=True)
class Composed:
    """The containers of one test run."""

    command: list[str]
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, within: float = 240, good: bool = True) -> str:
        ran = self._ran(arguments, within)
        assert ran.returncode == 0 or not good, f"{arguments}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}"
        return ran.stdout

    def told(self) -> str:
        """What became of each container, and what it said last."""
        containers, logs = self._ran(("ps",)), self._ran(("logs", "--tail=15"))
        return "\n".join((containers.stdout, logs.stdout, logs.stderr))

    def _ran(self, arguments: Sequence[str], within: float = 240) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=within,
        )

    def address(self, service: str) -> str:
        number = 1 + names.SERVICES.index(service)
        return f"http://127.0.0.1:{self.environment['ALONGSIDE_PORTS']}{number}"


def composer() -> list[str]:
    """This will find a compose that reaches the engine: Docker's own, or podman's."""
    if not engine_answers():
        pytest.skip("no container engine answers: start one, or set DOCKER_HOST")
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("podman"):
        return [sys.executable, "-m", "podman_compose"]
    pytest.skip("no `docker compose` and no podman: install one of them")


@pytest.fixture(scope="module")
def composed() -> Iterator[Composed]:
    """Everything up, with the demo's programme, on ports of its own."""
    command = composer()
    prefix = free_prefix()
    project = f"alongside-test-{prefix}"
    environment = {
        "ALONGSIDE_DATABASE_PASSWORD": "only-for-the-test",
        "ALONGSIDE_PORTS": str(prefix),
        "ALONGSIDE_NATS_PORT": f"{prefix}0",
        "ALONGSIDE_PROMETHEUS_PORT": f"{prefix}6",
        "ALONGSIDE_VERSION": "test",
        "PROMETHEUS_VERSION": "latest",
    }
    files = [word for each in FILES for word in ("-f", each)]
    running = Composed([*command, "-p", project, *files, "--profile", "play", "--profile", "observe"], environment)
    core = ["postgres", "databases", "prepare", "nats", "topology", "keeper", "provider", *names.SERVICES]
    try:
        running("build", "prepare")
        running("up", "-d", *core)
        until(lambda: all(is_ready(running.address(each)) for each in names.SERVICES), told=running.told)
        yield running
    finally:
        running("down", "-v", good=False)


def free_prefix() -> int:
    """This will choose four digits that, followed by any digit, name a port nobody uses."""
    for prefix in range(2100, 2900):
        if not any(ports.is_taken(prefix * 10 + number) for number in range(10)):
            return prefix
    raise RuntimeError("no ten free ports in a row")


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/ready", trust_env=False, timeout=3).status_code == 200
    except httpx.TransportError:
        return False


def until(true: Callable[[], bool], within: float = 240, told: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"did not become true within {within} s\n{told()}")
        time.sleep(0.5)


def last_object(told: str) -> Any:
    """This will read the JSON object or list that a command printed last."""
    begin = min(place for sign in "{[" if (place := told.find(f"{sign}\n")) >= 0)
    return json.loads(told[begin:])


def test_the_demo_plays_on_containers_and_every_promise_is_kept(composed: Composed) -> None:
    play = ("alongside", "demo", "--attach", "--data=/data", "--provider=http://provider:8005", "--json")
    check = ("alongside", "check", "--data=/data", "--messages=/data/provider/taken.jsonl", "--json")

    told = last_object(composed("run", "--rm", "-T", "play", *play, f"--people={PEOPLE}"))
    found = last_object(composed("exec", "-T", "matching", *check))

    assert told["referrals_posted"] >= PEOPLE and told["sessions_held"] > 0 and told["messages_sent"] > 0
    assert told["dead_letters"] == 0
    assert [each for each in found if each["broken"]] == []
    assert any(each["looked_at"] for each in found)


def test_prometheus_reaches_the_services_by_their_names(composed: Composed) -> None:
    composed("up", "-d", "prometheus")
    address = f"http://127.0.0.1:{composed.environment['ALONGSIDE_PROMETHEUS_PORT']}/api/v1/query"

    def scraped() -> bool:
        try:
            answer = httpx.get(address, params={"query": "service_ready == 1"}, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and len(answer.json()["data"]["result"]) == len(names.SERVICES)

    until(scraped)


def test_what_is_started_again_takes_up_its_work(composed: Composed) -> None:
    composed("restart", "nats", "scheduling")

    until(lambda: all(is_ready(composed.address(each)) for each in names.SERVICES))


LOSE_EVERYTHING = """
import asyncio, json, pathlib
from deploy.nats.admin import connect

async def lose_everything():
    admin = await connect("nats://nats:4222", pathlib.Path("/data/nats/keys/admin.nk"))
    names = json.loads((await admin.request("$JS.API.STREAM.NAMES", b"", timeout=5)).data)["streams"]
    for each in names:
        await admin.request(f"$JS.API.STREAM.DELETE.{each}", b"", timeout=5)
    await admin.close()

asyncio.run(lose_everything())
"""


def test_a_broker_that_has_lost_all_streams_is_given_them_again_and_told_everything(composed: Composed) -> None:
    composed("exec", "-T", "matching", "python3", "-c", LOSE_EVERYTHING)

    until(lambda: all(forgotten(composed, each) > 0 for each in ("REFERRALS", "MATCHING", "SCHEDULING", "SEALED")))

    check = ("alongside", "check", "--data=/data", "--messages=/data/provider/taken.jsonl", "--json")
    found = last_object(composed("exec", "-T", "matching", *check))
    assert [each for each in found if each["broken"] or each["unseen"]] == []


def forgotten(composed: Composed, stream: str) -> float:
    """How many facts of a stream its speaker has said again."""
    speaker = "referrals" if stream == "SEALED" else stream.lower()
    told = httpx.get(f"{composed.address(speaker)}/metrics", trust_env=False, timeout=5).text
    lines = [line for line in told.splitlines() if line.startswith(f'mailbox_forgotten_total{{stream="{stream}"}}')]
    return float(lines[0].split()[-1]) if lines else 0.0


def test_nothing_is_published_beyond_this_machine() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    published = [port for each in services.values() for port in each.get("ports", [])]

    assert published and all(port.startswith("${ALONGSIDE_BIND:-127.0.0.1}:") for port in published)
    assert "ports" not in services["postgres"]
