"""What an older version kept gets what it lacks, on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, select

from services.referrals import store
from services.referrals.rules.order import Identifier
from services.referrals.store.tables import referrals
from shared.clock import real
from shared.database import Database
from tests.conftest import new_database
from tests.referrals.makers import NOW, desk_on, order
from tests.referrals.test_clocks import pass_to
from tests.servers import PostgresServer

FOR_TESTS = {"test": True, "organisation": "trial-hospital"}
BEFORE: list[tuple[dict[str, Any], str | None]] = [
    ({"state": "needs_screen"}, "screen"),
    ({"state": "needs_info"}, "ask"),
    ({"state": "accepted"}, "match"),
    ({"state": "waitlisted"}, "match"),
    ({"state": "offered"}, "match"),
    ({"state": "matched"}, "book"),
    ({"state": "first_scheduled"}, "meet"),
    ({"state": "engaged"}, "go_on"),
    ({"state": "refused"}, None),
    ({"state": "completed"}, None),
    ({"state": "crisis_review", "crisis_at": NOW}, "answer"),
    ({"state": "waitlisted", "crisis_at": NOW, "acknowledged_at": NOW}, "phone"),
    ({"state": "completed", "crisis_at": NOW}, "answer"),
    ({"state": "matched", **FOR_TESTS}, "book"),
    ({"state": "completed", **FOR_TESTS}, None),
]
"""Referrals that were kept before there were clocks, and what they await now."""

RING = ("match", "book", "meet", "go_on")


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of each kind without any tables."""
    url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = await new_database(server.url)
    opened = Database.open(url)
    yield opened
    await opened.close()


def to_schema(connection: Any, revision: str) -> None:
    """Bring a store to a schema."""
    settings = Config()
    settings.set_main_option("script_location", str(resources.files("services.referrals") / "migrations"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, revision)


def row(changes: dict[str, Any]) -> dict[str, Any]:
    """A referral as the sixth schema had it."""
    one = uuid4()
    ids = {
        "referral_id": one,
        "person_id": uuid4(),
        "placer": str(one),
        "placer_value": "",
        "content": "",
        "latest": "",
    }
    named = {"organisation": "general-hospital", "site_id": "main", "first_outcome": "accepted"}
    times = {"arrived_at": NOW, "told_at": NOW, "crisis_at": None, "acknowledged_at": None}
    words = {"words": order().model_dump(mode="json", exclude_none=True), "reasons": []}
    return ids | named | times | words | {"part2": False, "withheld": False, "test": False} | changes


async def test_what_was_open_before_there_were_clocks_gets_one_and_rings(empty: Database, tmp_path: Path) -> None:
    rows = [row(changes) for changes, _ in BEFORE]
    async with empty.transaction() as db:
        await db.run_sync(to_schema, "0006")
        await db.execute(insert(referrals), rows)

    async with empty.transaction() as db:
        await db.run_sync(to_schema, "0007")
    async with desk_on(empty, tmp_path) as desk:
        async with empty.reading() as db:
            kept = await store.by_ids(db, [each["referral_id"] for each in rows])
        await pass_to(desk, real() + timedelta(minutes=1))
        tasks = {each.about: each.kind for each in await desk.work()}

    awaited = {each["referral_id"]: awaits for each, (_, awaits) in zip(rows, BEFORE, strict=True)}
    assert {one: each.awaits for one, each in kept.items()} == awaited
    assert all((each.act_by is None) == (each.awaits is None) for each in kept.values())
    nobodys = {str(one) for one, each in kept.items() if each.awaits in RING and not each.test}
    assert len(nobodys) == 6
    assert tasks == dict.fromkeys(nobodys, "overdue")


async def test_a_number_that_was_kept_before_is_found_in_whichever_case_it_is_written(
    empty: Database, tmp_path: Path
) -> None:
    without = order(identifier=None).model_dump(mode="json", exclude_none=True)
    rows = [row({"state": "closed"}), row({"state": "closed", "words": without})]
    async with empty.transaction() as db:
        await db.run_sync(to_schema, "0010")
        await db.execute(insert(referrals), rows)

    otherwise = store.alike("general-hospital", Identifier(value="r-1"))
    async with desk_on(empty, tmp_path), empty.reading() as db:
        found = await store.ids_alike(db, ["general-hospital"], [otherwise])
        unnumbered = referrals.c.referral_id == rows[1]["referral_id"]
        kept = await db.scalar(select(referrals.c.placer_alike).where(unnumbered))

    assert found == {otherwise: [rows[0]["referral_id"]]}
    assert kept == ""


async def test_people_who_were_known_before_are_compared(empty: Database, tmp_path: Path) -> None:
    one, other, refused, made_up = rows = [
        row({"state": "closed"}),
        row({"state": "closed", "organisation": "screening-clinic"}),
        row({"state": "refused"}),
        row({"state": "closed", **FOR_TESTS}),
    ]
    async with empty.transaction() as db:
        await db.run_sync(to_schema, "0008")
        await db.execute(insert(referrals), rows)

    async with desk_on(empty, tmp_path) as desk:
        await pass_to(desk, real() + timedelta(minutes=2))
        (task,) = await desk.work()

    assert task.kind == "possible_duplicate"
    assert set(task.about.split()) == {str(each["person_id"]) for each in (one, other)}
    assert not {str(each["person_id"]) for each in (refused, made_up)} & set(task.about.split())
