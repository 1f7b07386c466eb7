"""Every command that a document shows is run as it stands, against a demo that is live."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.demos import ROOT, Demo, demo, free_base

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```console( refused)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"^ +make ([a-z]+)", re.MULTILINE)
REFUSED_BY_CURL = 22


@dataclass(frozen=True)
class Command:
    """A line of a console block; `refused` says that the document shows it for the error it gives."""

    document: str
    line: str
    refused: bool

    def __str__(self) -> str:
        return f"{self.document} {self.line[:60]}"


@dataclass(frozen=True)
class Live:
    """A demo that is live, the port it counts from, and a folder that stands for `data`."""

    demo: Demo
    base: int
    data: Path

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line with our own data folder, ports and Python in place of the reader's."""
        ours = {
            "data/demo": str(self.demo.data),
            "data/docs": str(self.data / "docs"),
            ".venv/bin/alongside": f"{sys.executable} -m deploy.alongside",
            ".venv/bin/python": sys.executable,
            ".venv/bin/mllp_send": str(Path(sys.executable).with_name("mllp_send")),
            "curl -s": "curl -s --fail-with-body",
        }
        line = re.sub("|".join(map(re.escape, ours)), lambda found: ours[found[0]], line)
        line = re.sub(r"127\.0\.0\.1:800(\d)", lambda found: f"127.0.0.1:{self.base + int(found[1])}", line)
        line = re.sub(r"--port 80(\d\d)", lambda found: f"--port {self.base + int(found[1])}", line)
        command = ["bash", "-o", "pipefail", "-c", line]
        told = {**os.environ, "COLUMNS": "200", "no_proxy": "127.0.0.1"}
        return subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, timeout=60)


def commands() -> list[Command]:
    """Every line that begins with `$ ` in a console block of a document."""
    return [
        Command(str(each.relative_to(ROOT)), line.removeprefix("$ "), refused=bool(refused))
        for each in DOCUMENTS
        for refused, block in BLOCK.findall(each.read_text())
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A small demo whose play is over and that stays."""
    base = free_base()
    with demo(tmp_path_factory.mktemp("docs"), people=3, base=base) as played:
        played.until_live()
        yield Live(played, base, tmp_path_factory.mktemp("data"))


FIRST = "docs/first-referral.md"
SHOWN = re.compile(r"^```console\n\$ (.*?)\n```\n\n((?:    .*\n)+)", re.MULTILINE)


def test_the_first_referral_is_accepted_by_each_way_and_prints_what_its_page_shows(live: Live) -> None:
    steps = SHOWN.findall((ROOT / FIRST).read_text())

    assert [line for line, _ in steps] == [each.line for each in commands() if each.document == FIRST]
    for line, shown in steps:
        done = live.run(line)
        assert done.returncode == 0, done.stdout + done.stderr
        for each in shown.splitlines():
            assert re.search(".*".join(map(re.escape, each.strip().split("..."))), done.stdout), (each, done.stdout)


@pytest.mark.parametrize("command", [each for each in commands() if each.document != FIRST], ids=str)
def test_every_command_does_what_the_document_says(live: Live, command: Command) -> None:
    done = live.run(command.line)

    told = done.stdout + done.stderr
    assert done.returncode == (REFUSED_BY_CURL if command.refused else 0), told
    assert ("OperationOutcome" in told) == command.refused, told
    assert "Traceback" not in told


def test_the_documents_show_commands_to_every_reader() -> None:
    shown = {each.document for each in commands()}

    wanted = {
        "README.md",
        "docs/first-referral.md",
        "docs/referring.md",
        "docs/hl7v2.md",
        "docs/insurers.md",
        "docs/operating.md",
        "docs/programme.md",
        "docs/sandbox.md",
    }
    assert wanted - shown == set()


def test_every_target_of_make_that_a_document_names_is_there() -> None:
    named = {target for each in DOCUMENTS for target in MAKE.findall(each.read_text())}
    assert {"run", "test"} <= named
    if not shutil.which("make"):
        pytest.skip("no make on this machine")

    for target in sorted(named):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)

        assert done.returncode == 0, done.stderr
