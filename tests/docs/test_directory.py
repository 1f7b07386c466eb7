"""What docs/directory.md says of an entry is what one is, and its example is taken."""

import json
import re
from pathlib import Path
from typing import get_args
from uuid import UUID

from services.referrals.rules.directory import Entry, Kind
from services.referrals.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "directory.md").read_text()
TABLE = PAGE.split("| field | meaning |")[1].split("\n\n")[0]


def test_the_page_tells_every_field_and_every_kind() -> None:
    told = [
        each for first in re.findall(r"^\| (.*?) \|", TABLE, re.MULTILINE) for each in re.findall(r"`(\w+)`", first)
    ]

    assert sorted(told) == sorted(Entry.model_fields)
    kinds = next(line for line in TABLE.splitlines() if line.startswith("| `kind` |"))
    assert re.findall(r"`(\w+)`", kinds)[1:] == list(get_args(Kind))


def test_the_example_of_the_page_is_an_entry_that_is_labelled_by_itself() -> None:
    example = json.loads((DOCS / "examples" / "directory-entry.json").read_text())

    entry = Entry.model_validate(example)

    assert "part2" not in example and entry.part2


def test_the_page_points_somebody_to_an_entry_that_is_shipped() -> None:
    (entry_id,) = re.findall(r'"entry_id": "([\w-]+)"', PAGE)

    assert Settings().shipped_directory()[UUID(entry_id)].kind == "transport"
