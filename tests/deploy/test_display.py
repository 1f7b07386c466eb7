"""What is shown fits a terminal of 80 columns, with ids that can be copied whole."""

from io import StringIO
from uuid import uuid4

from rich.console import Console, RenderableType

from deploy import display
from deploy.check.findings import Finding


def shown(what: RenderableType) -> list[str]:
    words = StringIO()
    Console(file=words, width=80).print(what)
    return [each.strip() for each in words.getvalue().splitlines()]


def test_those_for_whom_a_promise_is_broken_stand_on_lines_of_their_own() -> None:
    ids = [f"notifications: timer {uuid4()}" for _ in range(7)]

    lines = shown(display.findings([Finding("--", "nothing is stuck", 1200, ids), Finding("I1", "all is well", 3)]))

    assert [each for each in lines if each in ids] == ids[:5]
    assert "and 2 more: --json lists all" in lines
    assert "--  nothing is stuck      1,200       7" in lines
    assert "Not everything is as promised." in lines


def test_what_could_not_be_looked_at_is_told_with_its_reason() -> None:
    lines = shown(display.findings([Finding("I6", "the broker still has it", 0, unseen="no broker answers")]))

    assert lines[-2:] == ["1 promise could not be looked at.", "no broker answers"]


def test_nothing_to_do_is_said_in_words() -> None:
    assert shown(display.tasks([])) == ["No task waits for a person."]
