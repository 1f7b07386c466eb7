"""The scrape configuration and the alert rules, judged by Prometheus' own tool."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared import names

HERE = Path(__file__).parents[2] / "deploy" / "prometheus"
OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("promtool"):
        pytest.skip("no promtool: install Debian's prometheus")
    return subprocess.run(["promtool", *arguments], cwd=HERE, capture_output=True, text=True, timeout=60)


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((HERE / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    checked = promtool("check", "config", "prometheus.yml")

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_fires_when_it_should_and_is_silent_when_it_should_not() -> None:
    tested = promtool("test", "rules", "rules_test.yml")

    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_tried_by_the_rules_own_tests() -> None:
    tried = set(re.findall(r"alertname: (\w+)", (HERE / "rules_test.yml").read_text()))

    assert {each["alert"] for each in alerts()} - tried == set()


def kinds_for(owner: str) -> Iterator[str]:
    """Every kind of task that some service opens for an owner."""
    for path in sorted((HERE.parents[1] / "services").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("open_task", "Asked")):
                said = {each.arg: ast.unparse(each.value).strip("'") for each in call.keywords}
                if said.get("owner") == owner:
                    yield said["kind"]


def test_whatever_waits_for_the_on_call_person_is_told_after_five_minutes() -> None:
    (rule,) = [each["expr"] for each in alerts() if each["alert"] == "CrisisWaits"]
    told = re.search(r'kind=~"([^"]+)"', rule)

    assert told is not None
    assert sorted(told[1].split("|")) == sorted(set(kinds_for("ON_CALL")))
    assert list(kinds_for("on-call")) == []


def test_whoever_is_woken_by_a_dead_letter_is_sent_the_same_way_by_the_alert_and_by_the_book() -> None:
    (action,) = [each["annotations"]["action"] for each in alerts() if each["alert"] == "LettersDead"]
    told = OPERATING.read_text().split("### LettersDead")[1].split("###")[0]

    for command in ("alongside letters list", "alongside letters replay"):
        assert command in action and command in told
    assert "restart" not in action


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    missing = [
        each["alert"]
        for each in alerts()
        if set(each["annotations"]) != {"summary", "action"} or each["labels"]["severity"] not in ("page", "ticket")
    ]

    assert missing == []


def test_every_alert_has_a_section_in_the_operators_page_and_no_section_is_left_over() -> None:
    sections = set(re.findall(r"^### (\w+)$", OPERATING.read_text(), re.MULTILINE))

    assert sections == {each["alert"] for each in alerts()}


def test_all_services_are_scraped_where_compose_runs_them() -> None:
    (job,) = yaml.safe_load((HERE / "prometheus.yml").read_text())["scrape_configs"]
    targets = {each["labels"]["service"]: each["targets"] for each in job["static_configs"]}

    assert targets == {name: [f"{name}:{port}"] for port, name in enumerate(names.SERVICES, 8001)}
