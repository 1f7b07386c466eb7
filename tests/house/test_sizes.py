"""What fits on a screen is read; what does not is skipped."""

from tests.house.tree import ROOT, functions, source_files

LONGEST_FILE, LONGEST_FUNCTION = 300, 40


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    lengths = {each.relative_to(ROOT): len(each.read_text().splitlines()) for each in source_files()}

    assert {each: length for each, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    long = [str(each) for file in source_files() for each in functions(file) if each.lines > LONGEST_FUNCTION]

    assert long == []


def test_no_file_is_named_after_what_has_no_name() -> None:
    nameless = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "dto", "service_impl"}

    assert [each for each in source_files() if each.stem in nameless] == []
