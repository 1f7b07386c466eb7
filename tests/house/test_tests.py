"""What the tests themselves are held to: sentences for names, and nothing mocked."""

import ast
import re

from tests.house.tree import Function, functions, parsed, place, python_files

MOCKING = re.compile(r"(unittest\.)?mock|pytest_mock|responses|respx|freezegun|time_machine|fakeredis")


def every_test() -> list[Function]:
    """Every test function."""
    found = [each for file in python_files("tests") if file.stem.startswith("test_") for each in functions(file)]
    return [each for each in found if each.node.name.startswith("test_") and not each.inside]


def test_a_test_is_named_by_the_sentence_it_proves() -> None:
    short = [str(each) for each in every_test() if len(each.node.name.removeprefix("test_").split("_")) < 4]

    assert short == []


def test_no_two_tests_of_a_file_share_a_name() -> None:
    places = [(each.file, each.node.name) for each in every_test()]

    assert [str(file) for file, name in places if places.count((file, name)) > 1] == []


def test_nothing_is_mocked_in_any_test() -> None:
    mocked = [
        place(file, each)
        for file in python_files("tests")
        for each in ast.walk(parsed(file))
        for module in [
            getattr(each, "module", None),
            *(alias.name for alias in getattr(each, "names", []) if isinstance(alias, ast.alias)),
        ]
        if isinstance(each, ast.Import | ast.ImportFrom) and MOCKING.fullmatch(str(module).split(".")[0])
    ]

    assert mocked == []


def test_nothing_of_the_project_is_patched_in_any_test() -> None:
    patched = [
        place(file, each)
        for file in python_files("tests")
        for each in ast.walk(parsed(file))
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and getattr(each.func.value, "id", "") == "monkeypatch"
        and each.func.attr in ("setattr", "delattr", "setitem", "delitem")
    ]

    assert patched == []


def test_no_test_is_expected_to_fail() -> None:
    excused = [
        place(file, each)
        for file in python_files("tests")
        for each in ast.walk(parsed(file))
        if isinstance(each, ast.Attribute) and each.attr == "xfail"
    ]

    assert excused == []
