"""How the source reads: what it says of itself, and what it must never say."""

import ast
import re

from shared import names
from tests.house.tree import (
    ROOT,
    Function,
    functions,
    parsed,
    place,
    python_files,
    source_files,
    strings,
    tracked_texts,
)

EXCUSED = ROOT / "shared" / "names.py"
STREAMS = {*map(names.stream, names.SERVICES), names.SEALED_STREAM}
ROOMS = "|".join(["ingest", "status", "query", "sealed", *names.SERVICES])
ENTRANCES = {"__enter__", "__exit__", "__aenter__", "__aexit__"}
SUBJECT = re.compile(rf"(IN|STATUS)_({{}}.*)?|({ROOMS})\.\S*(\.v\d+(\.\S+)?|[>*])")


def decorated(function: Function) -> bool:
    """Whether a framework reads the docstring to its own users: routes, commands, properties, validators."""
    told = {getattr(each, "id", "") for each in function.node.decorator_list}
    return bool(function.node.decorator_list) and not told & {"staticmethod", "classmethod"}


def spoken(function: Function) -> bool:
    """Whether a function is one that others call by its name, and so must say what it does."""
    return function.public and not function.node.name.startswith("_") and not decorated(function)


def test_every_file_begins_with_what_it_is_for() -> None:
    silent = [each for each in source_files() if not ast.get_docstring(parsed(each))]

    assert [str(each.relative_to(ROOT)) for each in silent] == []


def test_every_public_function_completes_this_will() -> None:
    other = [
        str(each)
        for file in source_files()
        for each in functions(file)
        if spoken(each) and not (ast.get_docstring(each.node) or "").startswith("This will ")
    ]

    assert other == []


def test_nobody_enters_or_leaves_a_context_by_hand() -> None:
    by_hand = [
        place(file, each)
        for file in source_files()
        for each in ast.walk(parsed(file))
        if isinstance(each, ast.Call) and getattr(each.func, "attr", "") in ENTRANCES
    ]

    assert by_hand == []


def test_nothing_is_left_for_later_in_the_source() -> None:
    left = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"]) + r")\b")

    found = [str(file.relative_to(ROOT)) for file, text in tracked_texts() if left.search(text)]

    assert found == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    machines = re.compile(
        "|".join(["/" + "work/(main|shared|local)", "/" + "tmp/(venv|team)", "/" + "(home|Users)/[a-z]+/"])
    )

    found = [str(file.relative_to(ROOT)) for file, text in tracked_texts() if machines.search(text)]

    assert found == []


def test_streams_and_subjects_are_spelt_in_one_file_only() -> None:
    openings = {ROOT / "services" / each / "__init__.py" for each in names.SERVICES}
    spelt = [
        f"{place(file, node)} {text}"
        for file in source_files()
        if file not in {EXCUSED, *openings}
        for node, text in strings(file)
        if text in STREAMS or SUBJECT.fullmatch(text)
    ]

    assert spelt == []


def test_openings_name_facts_as_they_travel() -> None:
    wanted = re.compile(r"[a-z]+\.[a-z0-9-]+\.v\d+")
    openings = [parsed(ROOT / "services" / each / "__init__.py") for each in names.SERVICES]

    facts = [
        each.value
        for opening in openings
        for part in opening.body
        if isinstance(part, ast.Assign) and getattr(part.targets[0], "id", "") in ("HEARS", "SAYS")
        for each in ast.walk(part.value)
        if isinstance(each, ast.Constant)
    ]

    assert [each for each in facts if not wanted.fullmatch(each)] == []
    assert facts


def test_a_rule_neither_opens_a_file_nor_draws_a_lot() -> None:
    forbidden = {"open", "uuid4", "uuid1", "print", "input", "read_text", "read_bytes", "write_text", "write_bytes"}
    called = [
        f"{place(file, each)} {name}"
        for file in python_files("services")
        if "rules" in file.parts or file.stem == "rules"
        for each in ast.walk(parsed(file))
        if isinstance(each, ast.Call)
        for name in [getattr(each.func, "id", getattr(each.func, "attr", ""))]
        if name in forbidden
    ]

    assert called == []
