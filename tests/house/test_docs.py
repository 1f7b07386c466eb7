"""What the documents name exists."""

import ast
import re
import tomllib

from shared import names
from tests.house.tree import ROOT, SOURCE, parsed, python_files

TREE = re.compile(r"`((?:services|shared|deploy|tests|docs)/[\w./-]*\w/?)`")
DOCUMENT = re.compile(r"\b[\w./-]+\.md\b")


def test_every_path_that_a_document_names_exists() -> None:
    named = {
        (document.name, path)
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
        for path in TREE.findall(document.read_text())
    }

    assert [each for each in sorted(named) if not (ROOT / each[1]).exists()] == []


def test_every_document_that_a_docstring_names_exists() -> None:
    named = {
        (str(file.relative_to(ROOT)), document)
        for file in python_files(*SOURCE)
        for each in ast.walk(parsed(file))
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) and isinstance(each.value.value, str)
        for document in DOCUMENT.findall(each.value.value)
    }

    assert [each for each in sorted(named) if not (ROOT / each[1]).exists()] == []


def test_the_architecture_tells_every_import_contract_and_service() -> None:
    told = " ".join((ROOT / "docs" / "architecture.md").read_text().split())
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert [each["name"] for each in contracts if each["name"] not in told] == []
    assert [each for each in names.SERVICES if f"{each}/ " not in told] == []


def test_the_architecture_lists_the_rooms_as_the_contract_does() -> None:
    told = (ROOT / "docs" / "architecture.md").read_text()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rooms = next(each["layers"] for each in contracts if each["id"] == "rooms")

    assert " > ".join(rooms).replace("(", "").replace(")", "") in told
