"""Where in what a partner sent something is wrong, and what to do: told without anything they wrote themselves."""

import re
from collections.abc import Sequence
from typing import Any

MOST = 20
"""Places told at once."""

PREFIX = "Value error, "
TOO_MANY = {"too_long": "", "string_too_long": " characters"}
SCHEMA_NAME = re.compile(r"[A-Za-z_]{1,40}")


def named(member: str) -> str:
    """This will give a member's name, or `*` for one that no schema has: a partner may have written anything there."""
    return member if SCHEMA_NAME.fullmatch(member) else "*"


def place(location: Sequence[int | str]) -> str:
    """This will write a validation error's location as a path: `body.windows[0].start`."""
    path = ""
    for each in location:
        path += f"[{each}]" if isinstance(each, int) else f".{named(each)}" if path else named(each)
    return path


def wrongs(errors: Sequence[Any], root: str = "") -> list[dict[str, str]]:
    """This will list, of what pydantic refused, the first 20 places (`where`) and what to do there (`remedy`)."""
    return [{"where": where_of(each, root), "remedy": remedy_of(each)} for each in errors[:MOST]]


def where_of(error: Any, root: str = "") -> str:
    """This will give the place of one of pydantic's errors, below `root`."""
    path = place(error["loc"])
    return f"{root}.{path}" if root and path else root or path


def remedy_of(error: Any) -> str:
    """This will say what to do about one of pydantic's errors."""
    if error["type"] == "extra_forbidden":
        return "leave out members that are not part of this schema"
    if error["type"] in TOO_MANY:
        return f"send at most {error['ctx']['max_length']:,}{TOO_MANY[error['type']]}"
    return str(error["msg"]).removeprefix(PREFIX)
