"""Every query of the dashboard and of the rules, asked of a real Prometheus that watches a small demo."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy import ports
from shared import names

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "carried-along.json"
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"

ONLY_AFTER_TROUBLE = {"mailbox_forgotten_total"}
"""Metrics that a healthy system has never shown."""


METRIC = re.compile(r"\b[a-z]+(?:[_:][a-z0-9]+)+\b(?!\s*\()")


def queries() -> list[tuple[str, str]]:
    """This will give every (panel, query) of the dashboard."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", [])]


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str

    def ask(self, query: str) -> list[Any]:
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, trust_env=False, timeout=10)
        assert answer.status_code == 200, f"{query}: {answer.text}"
        result: list[Any] = answer.json()["data"]["result"]
        return result

    def shown(self) -> set[str]:
        answer = httpx.get(f"{self.url}/api/v1/label/__name__/values", trust_env=False, timeout=10)
        return set(answer.json()["data"])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that has watched a demo from its beginning to its end, and goes on watching."""
    if not shutil.which("prometheus"):
        pytest.skip("no Prometheus: install Debian's prometheus")
    folder = tmp_path_factory.mktemp("watched")
    base = five_free_ports()
    with demo(folder / "demo", base) as playing, watching(folder, base) as url:
        until(lambda: "system is live" in (folder / "demo.log").read_text(), within=240, while_running=playing)
        _ask_somebody_something(folder / "demo")
        watched = Prometheus(url)
        until(lambda: watched.ask("count(up == 1) == 4") and watched.ask("service:mailbox_handling_seconds:p99"))
        yield watched


def _ask_somebody_something(data: Path) -> None:
    """A referral that says no way to reach the person: whoever is asked for it has a task open."""
    asked = json.loads((ROOT / "docs" / "examples" / "service-request.json").read_text())
    asked["identifier"] = [{"system": "urn:general-hospital", "value": "WATCHED-1"}]
    for each in asked["contained"]:
        each.pop("telecom", None)
    key = (data / "keys" / "api" / "general-hospital.key").read_text().strip()
    there = json.loads((data / "addresses.json").read_text())["services"]["referrals"]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/fhir+json"}
    told = httpx.post(f"{there}/fhir/ServiceRequest", json=asked, headers=headers, trust_env=False)
    assert told.status_code == 201, told.text


def five_free_ports() -> int:
    for base in range(21000, 29000, 10):
        if not any(ports.is_taken(base + number) for number in range(1, 6)):
            return base
    raise RuntimeError("no five free ports in a row")


@contextmanager
def demo(data: Path, base: int) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "deploy.alongside", "demo", "--people", "5"]
    command += ["--data", str(data), "--port-base", str(base)]
    with data.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        end(process)


@contextmanager
def watching(folder: Path, base: int) -> Iterator[str]:
    targets = [
        {"targets": [f"127.0.0.1:{base + number}"], "labels": {"service": name}}
        for number, name in enumerate(names.SERVICES, 1)
    ]
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"}
    config["rule_files"] = [str(RULES)]
    config["scrape_configs"][0]["static_configs"] = targets
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = ports.free()
    command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def until(true: Any, within: float = 60, while_running: "subprocess.Popen[bytes] | None" = None) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"did not become true within {within} s"
        assert while_running is None or while_running.poll() is None, "the demo ended"
        time.sleep(0.5)


def test_every_query_of_the_dashboard_is_answered_with_something(prometheus: Prometheus) -> None:
    silent = queries()
    deadline = time.monotonic() + 30
    while silent and time.monotonic() < deadline:
        # A busy machine's last scrape may be older than what the demo did last.
        time.sleep(0.5)
        silent = [(panel, query) for panel, query in silent if not prometheus.ask(query)]

    assert silent == []


def test_every_rule_can_be_evaluated(prometheus: Prometheus) -> None:
    for rule in rules():
        prometheus.ask(rule["expr"])

    health = httpx.get(f"{prometheus.url}/api/v1/rules", trust_env=False).json()["data"]["groups"]
    assert [rule["name"] for group in health for rule in group["rules"] if rule["health"] == "err"] == []


def test_every_metric_that_a_rule_looks_at_is_one_the_services_show(prometheus: Prometheus) -> None:
    shown = prometheus.shown()

    looked_at = {name for rule in rules() for name in METRIC.findall(re.sub('"[^"]*"', "", rule["expr"]))}

    assert looked_at - shown - ONLY_AFTER_TROUBLE == set()


def test_nothing_is_said_to_be_broken_after_a_demo_in_which_nothing_was(prometheus: Prometheus) -> None:
    healthy = ("FactsUnsent", "LettersDead", "LettersParked", "ServiceDown", "ServiceNotReady", "DatabaseAway")

    firing = {each["metric"]["alertname"] for each in prometheus.ask('ALERTS{alertstate="firing"}')}

    assert firing.isdisjoint(healthy)


def test_the_dashboard_finds_its_datasource_by_the_name_it_is_provisioned_under() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"]
    panels = json.loads(DASHBOARD.read_text())["panels"]

    used = {target["datasource"]["uid"] for panel in panels for target in panel.get("targets", [])}

    assert used == {source["uid"]}
    (provider,) = yaml.safe_load((folder / "dashboards" / "alongside.yaml").read_text())["providers"]
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in compose["services"]["grafana"]["volumes"]
