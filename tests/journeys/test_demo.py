"""Twelve weeks of a small world, played once with everything real: its numbers, and every promise, add up."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.nats import server
from deploy.premises import known
from deploy.world.people import population
from tests import demos
from tests.demos import Demo, alongside

NAMES = (
    *("referrals_posted", "accepted", "crisis_review", "needs_screen", "refused", "duplicates", "offers_made"),
    *("matches_made", "waitlisted", "sessions_booked", "sessions_held", "reminders_planned", "messages_sent"),
    *("units_delivered", "units_covered", "dead_letters", "seconds"),
)
CHAIN = """
    from scheduling.seats left join scheduling.sessions using (session_id)
    left join scheduling.series on series.series_id = sessions.series_id
    left join matching.matches using (match_id)
    left join referrals.referrals on referrals.referral_id = matches.referral_id
"""
"""From what an insurer is told back to the post that a hospital sent."""


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What the demo printed; the system has ended, its stores are left."""
    return demos.quiet_summary(tmp_path_factory.mktemp("quiet"))


@pytest.fixture(scope="module")
def played(summary: dict[str, int]) -> Demo:
    """The demo that was played."""
    return demos.QUIET[0][0]


@pytest.fixture(scope="module")
def stores(played: Demo) -> Iterator[sqlite3.Connection]:
    """All four stores in one connection, each under its service's name."""
    with closing(sqlite3.connect(":memory:")) as db:
        for name in demos.SERVICES:
            db.execute(f"attach ? as {name}", (f"file:{played.data / name}.sqlite?mode=ro",))
        yield db


def count(db: sqlite3.Connection, what: str) -> int:
    """One number."""
    return db.execute(f"select {what}").fetchone()[0]


def test_the_summary_has_every_name_it_promises(summary: dict[str, int]) -> None:
    assert [each for each in NAMES if each not in summary] == []


def test_every_post_is_accounted_for(summary: dict[str, int]) -> None:
    ways = ("accepted", "crisis_review", "needs_screen", "needs_info", "refused", "duplicates")

    assert summary["referrals_posted"] == sum(summary[each] for each in ways)
    assert [each for each in ("crisis_review", "needs_screen", "refused", "duplicates") if not summary[each]] == []


def test_everybody_who_was_accepted_is_matched_or_somebody_is_asked_or_they_wait(
    summary: dict[str, int], stores: sqlite3.Connection
) -> None:
    people = count(stores, "count(*) from matching.referrals")

    assert summary["matches_made"] + summary["offers_open"] + summary["waiting_now"] == people > 0


def test_every_session_is_accounted_for(summary: dict[str, int], stores: sqlite3.Connection) -> None:
    states = dict(stores.execute("select state, count(*) from scheduling.sessions group by state"))

    assert summary["sessions_booked"] == sum(states.values()) > 0
    assert summary["sessions_held"] == states["held"]
    assert summary["sessions_missed"] == states.get("missed", 0)
    assert summary["sessions_cancelled"] == states.get("cancelled", 0)
    assert summary["sessions_ahead"] + summary["sessions_unrecorded"] == states.get("booked", 0)


def test_every_reminder_is_accounted_for(summary: dict[str, int], stores: sqlite3.Connection) -> None:
    ends = ("reminders_sent", "reminders_skipped", "reminders_failed", "reminders_ahead")

    assert summary["reminders_planned"] == sum(summary[each] for each in ends)
    assert summary["reminders_planned"] == count(stores, "count(*) from notifications.reminders")
    assert summary["messages_sent"] >= summary["reminders_sent"] > 0


def test_insurers_see_no_more_than_is_covered(summary: dict[str, int]) -> None:
    assert 0 < summary["insurers_see_units"] <= summary["units_covered"] <= summary["units_delivered"]
    assert summary["dead_letters"] == 0


def test_every_session_and_unit_goes_back_to_a_referral_that_was_posted(
    summary: dict[str, int], stores: sqlite3.Connection
) -> None:
    whole = f"{CHAIN} where referrals.referral_id is not null and referrals.person_id = seats.person_id"

    assert count(stores, f"count(*) {whole}") == summary["sessions_booked"]
    assert count(stores, f"sum(units_delivered) {whole}") == summary["units_delivered"]
    assert count(stores, f"sum(units_covered) {whole}") == summary["units_covered"]


def test_check_says_what_it_could_not_look_at_while_the_broker_is_away(played: Demo) -> None:
    told = alongside("check", "--data", str(played.data), "--messages", str(played.log))

    assert told.returncode == 2, told.stdout + told.stderr
    assert told.stdout.count("not seen") == 1
    assert "is it started?" in told.stdout
    assert "Traceback" not in told.stdout + told.stderr


def test_check_finds_nothing_wrong_when_the_broker_is_there(played: Demo) -> None:
    broker = server.start(known(played.data).broker)
    try:
        told = alongside("check", "--data", str(played.data), "--messages", str(played.log), "--json")
    finally:
        broker.stop()

    found = json.loads(told.stdout)
    assert told.returncode == 0, [each for each in found if each["broken"] or each["unseen"]]
    # In the end nobody may be held, wait, or be late, and no series has ended yet.
    assert sum(each["looked_at"] == 0 for each in found) <= 4


def test_the_same_seed_invents_the_same_world() -> None:
    assert population(200, 7) == population(200, 7)
    assert population(200, 7) != population(200, 8)


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep me")

    told = alongside("demo", "--people", "3", "--exit", "--data", str(tmp_path))

    assert told.returncode == 2
    assert "is left alone" in told.stderr
    assert (tmp_path / "mine").read_text() == "keep me"
