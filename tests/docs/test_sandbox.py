"""docs/sandbox.md is true to the code: its outcomes, its verdicts, and what becomes of messages that others wrote."""

import json
import re
from collections import Counter
from pathlib import Path

from deploy.sandbox.verdicts import WORDS
from services.referrals.rules.journey import STATES
from services.referrals.rules.playing import PAUSE, PLAYS, PREFIX
from shared.programme import FOR_TESTS
from tests.demos import ROOT
from tests.deploy.terminal import said
from tests.referrals.makers import SAMPLES, needs_samples
from tests.referrals.test_playing import ENDS

PAGE = (ROOT / "docs" / "sandbox.md").read_text()


def rows(head: str) -> list[list[str]]:
    """The rows of the table that begins with a heading."""
    table = PAGE.split(f"| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[each.strip().strip("`") for each in line.strip("|").split("|")] for line in table]


def test_every_outcome_and_where_it_comes_to_is_told() -> None:
    assert {number: state for number, state, _ in rows("number")} == {PREFIX + name: ENDS[name] for name in PLAYS}


def test_the_states_on_the_way_are_told_in_their_order() -> None:
    ways = {number.removeprefix(PREFIX): re.findall(r"`(\w+)`", by) for number, _, by in rows("number")}

    steps = {
        "offered": "offer_made",
        "matched": "match_made",
        "first_scheduled": "series_booked",
        "engaged": "first_kept",
    }
    for name, way in ways.items():
        known = [steps[each] for each in way if each in steps]
        assert known == [each for each in PLAYS[name].steps if each in known], name
        assert set(way) <= {*STATES, "503"}
    assert PAUSE.total_seconds() == 2 and "A step comes every two seconds" in PAGE


def test_every_verdict_is_told() -> None:
    assert {verdict for verdict, _ in rows("verdict")} == set(WORDS) - {"sent"}


def test_the_kinds_that_may_be_for_tests_are_told() -> None:
    assert f"is for a `{FOR_TESTS[0]}`, `{FOR_TESTS[1]}` or `{FOR_TESTS[2]}`" in " ".join(PAGE.split())


def verdicts_of_samples() -> Counter[tuple[str, str, str]]:
    """How many samples of each folder get which verdict, for which reason."""
    told = json.loads(said("partner", "check", str(SAMPLES), "--json")[1])["messages"]
    return Counter(
        (Path(each["message"]).parent.name, ", ".join(each["verdicts"]), each["reply"]["words"][-1]) for each in told
    )


@needs_samples
def test_what_becomes_of_others_messages_is_what_the_page_says() -> None:
    written = {(samples, verdict, words): int(count) for samples, count, verdict, words in rows("samples")}

    assert verdicts_of_samples() == written
