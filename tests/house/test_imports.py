"""Each import contract of pyproject.toml holds, and each breaks where somebody oversteps it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.house.tree import ROOT

TOP = "Deploy may import services, services may import shared, never the other way"
WORLD = "What runs and checks a deployment knows nothing of the demo"
SERVICES = "Services never import one another"
ROOMS = "Inside a service imports go down through the rooms, and every room is declared"
RULES = "Rules import no input and no output"
MAILBOX = "Only the switchboard holds the mailbox and the broker"
VOCABULARY = "The vocabulary and the shared rules import no machinery"

OVERSTEPS = [
    (TOP, "shared/offence.py", "import services.matching.rules.grid"),
    (TOP, "shared/offence.py", "import deploy.ports"),
    (TOP, "services/matching/rules/grid.py", "import deploy"),
    (WORLD, "deploy/up.py", "import deploy.world.conductor"),
    (WORLD, "deploy/check/offence.py", "from deploy.world import people"),
    (SERVICES, "services/matching/store/offence.py", "import services.scheduling.store.tables"),
    (SERVICES, "services/referrals/app.py", "import services.notifications.app"),
    (ROOMS, "services/referrals/rules/offence.py", "import services.referrals.fhir.words"),
    (ROOMS, "services/referrals/store/offence.py", "import services.referrals.fhir.words"),
    (ROOMS, "services/scheduling/handlers/offence.py", "import services.scheduling.http.words"),
    (ROOMS, "services/notifications/sms.py", "import services.notifications.handlers"),
    (ROOMS, "services/notifications/http.py", "import services.notifications.settings"),
    (ROOMS, "services/scheduling/helpers.py", "import services.scheduling.rules.units"),
    (ROOMS, "services/scheduling/migrations/offence.py", "import services.scheduling.handlers.booking"),
    (RULES, "services/matching/rules/offence.py", "import sqlalchemy"),
    (RULES, "services/scheduling/rules/offence.py", "from time import monotonic"),
    (RULES, "services/referrals/rules/offence.py", "from os import path"),
    (RULES, "services/notifications/rules/offence.py", "from shared.clock import now"),
    (RULES, "services/notifications/rules/offence.py", "from shared import sealed"),
    (RULES, "services/notifications/rules/offence.py", "from shared.mailbox import Later"),
    (MAILBOX, "services/matching/handlers/offence.py", "from shared.mailbox.box import Mailbox"),
    (MAILBOX, "services/scheduling/http/offence.py", "from shared.service import Service"),
    (MAILBOX, "services/notifications/sms.py", "import nats"),
    (MAILBOX, "services/referrals/handlers/offence.py", "from shared.mailbox.tables import outbox"),
    (VOCABULARY, "shared/events/offence.py", "import sqlalchemy"),
    (VOCABULARY, "shared/disclosure.py", "from shared.consents import consents_of"),
    (VOCABULARY, "shared/events/offence.py", "import logging"),
]
"""Which contract breaks when a file gets a line; an `offence.py` is a new file of a room that exists."""


def kept(tree: Path) -> dict[str, bool]:
    """Runs import-linter on a tree: each contract's name, and whether it is kept."""
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = re.findall(r"^(.+?) (KEPT|BROKEN)\b", run.stdout, re.MULTILINE)
    assert found, run.stdout + run.stderr
    return {name: verdict == "KEPT" for name, verdict in found}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project once more, to do wrong in."""
    copy = tmp_path_factory.mktemp("house")
    for each in ("services", "shared", "deploy"):
        shutil.copytree(ROOT / each, copy / each, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_every_contract_is_kept_by_the_house_as_it_stands() -> None:
    assert kept(ROOT) == dict.fromkeys([TOP, WORLD, SERVICES, ROOMS, RULES, MAILBOX, VOCABULARY], True)


def test_every_room_but_the_switchboard_is_kept_from_the_box() -> None:
    contracts = {
        each["id"]: each
        for each in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    }
    rooms = set(re.findall(r"\w+", " ".join(contracts["rooms"]["layers"])))

    kept_away = {each.removeprefix("services.*.") for each in contracts["mailbox"]["source_modules"]}

    assert kept_away == rooms - {"__main__", "app"}


@contextmanager
def overstepped(tree: Path, file: str, line: str) -> Iterator[None]:
    """A line more in a file of the tree, for a while."""
    wrong = tree / file
    before = wrong.read_text() if wrong.exists() else None
    wrong.write_text(f"{before or ''}\n{line}\n")
    yield
    wrong.unlink() if before is None else wrong.write_text(before)


@pytest.mark.parametrize(("contract", "file", "line"), OVERSTEPS)
def test_one_wrong_import_breaks_exactly_its_contract(copied: Path, contract: str, file: str, line: str) -> None:
    with overstepped(copied, file, line):
        verdicts = kept(copied)

    assert [name for name, holds in verdicts.items() if not holds] == [contract]


def test_a_rule_is_held_to_what_its_words_import_too(copied: Path) -> None:
    with overstepped(copied, "shared/events/fact.py", "from shared.clock import now"):
        verdicts = kept(copied)

    assert {name for name, holds in verdicts.items() if not holds} == {RULES, VOCABULARY}


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import datetime\n\nmoment = datetime.now()\n",
        "from datetime import UTC, datetime\n\nmoment = datetime.now(UTC)\n",
        "import datetime\n\nmoment = datetime.datetime.utcnow()\n",
        "from datetime import date\n\nday = date.today()\n",
        "import time\n\nmoment = time.time()\n",
    ],
)
def test_ruff_refuses_to_ask_the_system_clock(line: str) -> None:
    ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", "--output-format", "concise"]

    run = subprocess.run(
        [*ruff, "--stdin-filename", "services/matching/rules/offence.py", "-"],
        input=line,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 1
    assert "TID251" in run.stdout
    assert "Domain time is shared.clock.now()" in run.stdout


def test_one_file_alone_is_excused_from_the_ban_on_the_clock() -> None:
    excused = [each for each in ROOT.glob("s*/**/*.py") if "noqa: TID251" in each.read_text()]

    assert excused == [ROOT / "shared" / "clock.py"]
