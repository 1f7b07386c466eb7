"""docs/insurers.md is true to the code: its examples are taken as they stand, and every error it shows is told."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared import clock
from shared.database import Database
from tests.demos import ROOT
from tests.docs.pages import rows_of
from tests.scheduling.makers import NOW, Desk, desk_on

PAGE = (ROOT / "docs" / "insurers.md").read_text()
GOOD: dict[str, dict[str, Any]] = {
    each: json.loads((ROOT / "docs" / "examples" / f"{each}.json").read_text())
    for each in ("coverage", "authorization")
}
SPAN: dict[str, Any] = GOOD["coverage"]["spans"][0]
WRONG: dict[str, tuple[str, Any]] = {
    "not JSON": ("coverage", b"<coverage/>"),
    "another version": ("coverage", {}),
    "a member is missing": ("coverage", {"birth_date": None}),
    "a member that is not ours": ("coverage", {"payer": "garden-health"}),
    "a date": ("coverage", {"birth_date": "04/12/1988"}),
    "a moment to come": ("coverage", {"as_of": "2026-06-01T09:30:00-05:00"}),
    "a moment long ago": ("coverage", {"as_of": "2024-01-31T09:30:00-05:00"}),
    "another word as of the same moment": ("coverage", {"spans": []}),
    "a plan that is not yours": ("coverage", {"spans": [{**SPAN, "plan_id": "P3-GARDEN-SUD"}]}),
    "days that end before they begin": ("coverage", {"spans": [{**SPAN, "to": "2025-01-31"}]}),
    "a day twice": ("coverage", {"spans": [SPAN, SPAN]}),
    "another status": ("authorization", {"status": "pended"}),
    "a service that is not yours": ("authorization", {"code": "H2015"}),
    "nothing authorised": ("authorization", {"units": None}),
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A scheduling service on an empty store."""
    clock.step_to(NOW)
    async with desk_on(Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}"), tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("kind", GOOD)
async def test_the_examples_are_taken_as_they_stand(desk: Desk, kind: str) -> None:
    (told,) = await desk.post(kind, GOOD[kind], who="carolina")

    assert (told["status"], told["outcome"]) == ("accepted", "taken")


@pytest.mark.parametrize("what", WRONG)
async def test_every_error_is_told_as_the_page_says(desk: Desk, what: str) -> None:
    kind, change = WRONG[what]
    body = change if isinstance(change, bytes) else {**GOOD[kind], **change}
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if value is not None}
    media = f"application/vnd.alongside.{kind}.v2+json" if what == "another version" else ""
    await desk.post("coverage", GOOD["coverage"], who="carolina")

    (told,) = await desk.post(kind, body, who="carolina", media=media)

    assert list(told["errors"][0].values()) == rows_of(PAGE)[what]


def test_the_page_shows_no_error_that_nobody_tries() -> None:
    assert sorted(rows_of(PAGE)) == sorted(WRONG)
