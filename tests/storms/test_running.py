"""`make storms`: what it turns up is really read, and what it finds is told as it was."""

from pathlib import Path

from tests.storms.__main__ import PARTS, ROOT, judged

TOLD = """<testsuites><testsuite>
<testcase classname="tests.a" name="test_one"><properties><property name="kills" value="100"/></properties></testcase>
<testcase classname="tests.a" name="test_two"><failure message="no"/></testcase>
<testcase classname="tests.a" name="test_three"><error message="no"/></testcase>
<testcase classname="tests.a" name="test_four"><skipped message="only root can"/></testcase>
</testsuite></testsuites>"""


def test_every_knob_that_is_turned_up_is_read_by_the_tests_it_is_turned_for() -> None:
    unread = [f"{part.name}: {knob}" for part in PARTS for knob in part.knobs if f'"{knob}"' not in read_by(part.paths)]

    assert unread == []


def read_by(paths: tuple[str, ...]) -> str:
    """The text of tests, and of what plays the demo for them."""
    files = [file for each in paths for file in ([ROOT / each] if each.endswith(".py") else (ROOT / each).glob("*.py"))]
    return "".join(file.read_text() for file in [*files, ROOT / "tests" / "demos.py"])


def test_a_part_is_good_when_something_passed_and_nothing_failed(tmp_path: Path) -> None:
    (tmp_path / "mixed.xml").write_text(TOLD)
    (tmp_path / "good.xml").write_text("<testsuite><testcase classname='a' name='test_one'/></testsuite>")
    (tmp_path / "none.xml").write_text("<testsuite/>")

    mixed, good, none, lost = (
        judged(each, {}, 61.0, tmp_path / f"{each}.xml") for each in ("mixed", "good", "none", "lost")
    )

    assert (mixed.passed, mixed.failed) == (1, ["tests.a.test_two", "tests.a.test_three"])
    assert (mixed.skipped, mixed.counted) == (["only root can"], {"kills": "100"})
    assert [each.good for each in (mixed, good, none, lost)] == [False, True, False, False]
