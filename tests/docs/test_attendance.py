"""docs/attendance.md is true to the code: its example is taken for a session there is, and every error is told."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.scheduling.rules.attendance import AGREE_WITHIN
from shared import clock
from shared.database import Database
from tests.demos import ROOT
from tests.docs.pages import rows_of
from tests.scheduling.makers import NOW, Desk, desk_on, match, supporter

PAGE = (ROOT / "docs" / "attendance.md").read_text()
GOOD: dict[str, Any] = json.loads((ROOT / "docs" / "examples" / "attendance.json").read_text())
WRONG: dict[str, Any] = {
    "not JSON": b"<attendance/>",
    "another version": {},
    "a session that is not yours, or unknown": {"session_id": GOOD["session_id"]},
    "a seat of another session": {"seat_id": GOOD["seat_id"]},
    "no minutes": {"minutes": None},
    "minutes of who did not come": {"outcome": "no_show"},
    "another outcome": {"outcome": "late"},
    "a session that has not begun": {},
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A scheduling service on an empty store."""
    clock.step_to(NOW)
    async with desk_on(Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}"), tmp_path) as opened:
        yield opened


async def examples(desk: Desk) -> list[dict[str, Any]]:
    """The page's example about each session of a series with Sam, of which the first is over."""
    said = await desk.hear(supporter(), match())
    (series,) = [each for each in said if hasattr(each, "sessions")]
    clock.step_to(series.sessions[0].ends_at)
    return [{**GOOD, "session_id": str(each.session_id), "seat_id": str(each.seat_id)} for each in series.sessions]


async def test_the_example_is_recorded_once(desk: Desk) -> None:
    good, *_ = await examples(desk)

    told = await desk.post("attendance", good, good, who="centre")

    assert [each["outcome"] for each in told] == ["recorded", "known"]
    assert f"minutes that differ by {AGREE_WITHIN} at most are the same" in PAGE


@pytest.mark.parametrize("what", WRONG)
async def test_every_error_is_told_as_the_page_says(desk: Desk, what: str) -> None:
    over, ahead, *_ = await examples(desk)
    good, body = ahead if what == "a session that has not begun" else over, WRONG[what]
    if not isinstance(body, bytes):
        body = {name: value for name, value in {**good, **body}.items() if value is not None}
    media = "application/vnd.alongside.attendance.v2+json" if what == "another version" else ""

    (told,) = await desk.post("attendance", body, who="centre", media=media)

    assert list(told["errors"][0].values()) == rows_of(PAGE)[what]


def test_the_page_shows_no_error_that_nobody_tries() -> None:
    assert sorted(rows_of(PAGE)) == sorted(WRONG)
