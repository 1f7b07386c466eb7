"""What is shown fits a terminal of 80 columns, with ids that can be copied whole."""

from datetime import UTC, datetime
from io import StringIO
from uuid import uuid4

from rich.console import Console, RenderableType

from deploy import display
from deploy.check.findings import Finding
from shared.work import Task


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
    assert shown(display.tasks([], {})) == ["No task waits for a person."]


def test_a_task_shows_its_ids_whole() -> None:
    moment = datetime(2026, 1, 9, 22, 0, tzinfo=UTC)
    about, task_id = str(uuid4()), uuid4()
    task = Task(task_id=task_id, kind="new_time_wanted", about=about, owner="lakeside", due=moment, opened_at=moment)

    lines = shown(
        display.tasks([("scheduling", task)], {"scheduling": "http://127.0.0.1:8003", "matching": "http://m"})
    )

    assert lines == [
        "1 task waits for a person",
        "",
        "new time wanted, for lakeside (scheduling), due Fri 09 Jan 2026 22:00 UTC",
        f"about {about}",
        f"task  {task_id}",
        "",
        'What nothing else closes: POST /work/{task}/done with {"by": "your name"} to',
        "scheduling: http://127.0.0.1:8003",
    ]
