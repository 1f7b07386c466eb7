"""Whatever is posted on the bus is answered once, with a reason where it is refused, and breaks nothing beside it."""

import json
import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.scheduling.makers import Desk
from tests.scheduling.test_attending import booked, came
from tests.scheduling.test_telling import authorising, covering

ROUNDS = int(os.environ.get("NOISE", "400"))
"""How many posts of a kind are spoiled; `make storms` wants more."""

TOGETHER = 40
ODD: tuple[Any, ...] = (
    *(None, True, "", " ", "x" * 300, "G-1001", "ñ\u0301🌳", "2026-02-30", "0000-00-00", "2026-03-01T12:00:00+99:99"),
    *(0, -1, 10**18, 0.5, 1e300, [], {}, [[]], [{}], {"from": {}}, [None] * 60, "9999-12-31", "1900-01-01"),
)
RAW = (b"NaN", b"-Infinity", b"1e999", b"9" * 400, b'"\\ud800"', b'"\\u0000"', b"[" * 40, b"}", b"\xff", b"\x00", b"")


def odd(chance: Random, body: dict[str, Any]) -> bytes:
    """A post with a member changed, renamed or gone, or with bytes in it that are no JSON."""
    found = json.loads(json.dumps(body))
    place = chance.choice([*found, "spans", "nobody knows this"])
    match chance.randrange(4):
        case 0:
            found.pop(place, None)
        case 1:
            found[place] = chance.choice(ODD)
        case 2:
            found[chance.choice(("from", "to", "payer", "C4N4RY" * 9))] = found.pop(place, chance.choice(ODD))
        case _:
            found[place] = "@@"
            return json.dumps(found).encode().replace(b'"@@"', chance.choice(RAW))
    return json.dumps(found).encode()


def cut(chance: Random, raw: bytes) -> bytes:
    """The same, sometimes with bytes taken away or doubled."""
    begin, end = sorted(chance.randrange(len(raw) + 1) for _ in range(2))
    return chance.choice((raw, raw, raw[:begin] + raw[end:], raw[:end] + raw[begin:]))


async def answered(desk: Desk, kind: str, good: Callable[[], dict[str, Any]], who: str) -> list[dict[str, Any]]:
    """What is told of as many spoiled posts as there are rounds, and of a good one among them each time."""
    chance, told = Random(kind), []
    for _ in range(ROUNDS // TOGETHER):
        spoiled = [cut(chance, odd(chance, good())) for _ in range(TOGETHER - 1)]
        told += await desk.post(kind, *spoiled, good(), who=who)
        assert told[-1]["status"] == "accepted"
    return told


@pytest.mark.parametrize("kind", ["coverage", "authorization", "attendance"])
async def test_whatever_is_posted_is_answered_once_and_with_a_reason(edge: Desk, kind: str) -> None:
    first, *_ = await booked(edge)
    good = {"coverage": covering, "authorization": authorising, "attendance": lambda: came(first)}[kind]

    told = await answered(edge, kind, good, "centre" if kind == "attendance" else "garden")

    refused = [each for each in told if each["status"] == "refused"]
    assert len(told) == ROUNDS // TOGETHER * TOGETHER and len(refused) > len(told) // 3
    assert all(error["where"] and error["remedy"] for each in refused for error in each["errors"])
    assert "C4N4" not in json.dumps(told) and "G-1001" not in json.dumps(told)
