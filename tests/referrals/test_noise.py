"""Whatever bytes come as HL7 v2, they are read or refused with a reason: never a fault of ours, never for long."""

import os
import time
from collections.abc import Iterator
from random import Random

import pytest

from services.referrals.reading import Refused, read
from tests.referrals.makers import SAMPLES, Desk
from tests.referrals.pipes import SEGMENTS, message, ordered, unordered
from tests.referrals.test_mllp import frame, line, talk

ROUNDS = int(os.environ.get("NOISE", "2000"))
"""How many messages are spoiled; `make storms` wants more."""

MARKS = b"|^~\\&\r\n\x00\x0b\x1c\x85\xff"
SLOWEST = 10.0
"""Seconds after which something grows faster than what was sent: a guard, not a measurement."""


def spoiled(chance: Random) -> bytes:
    """A message with bytes changed, taken away, doubled, or in another place."""
    raw = bytearray(chance.choice(GOOD))
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        place, length = chance.randrange(len(raw) + 1), chance.randrange(1, 60)
        match chance.randrange(6):
            case 0:
                raw[place:place] = bytes(chance.choices(range(256), k=length))
            case 1:
                raw[place:place] = bytes(chance.choices(MARKS, k=length))
            case 2:
                del raw[place : place + length]
            case 3:
                raw[place:place] = raw[place : place + length] * chance.randrange(1, 30)
            case 4:
                other = chance.randrange(len(raw) + 1)
                raw[other:other] = raw[place : place + length]
            case _:
                del raw[place:]
        raw = raw or bytearray(b"M")
    return bytes(raw)


def _good() -> Iterator[bytes]:
    yield message()
    yield message("NTE|1||a\\T\\b", r"OBX|2|ST|93267-3^Intent^LN||No", ZZZ="ZZZ|1|2")
    yield "\r".join(SEGMENTS.values()).encode("utf-16")
    yield ordered("NTE|1||a\\T\\b", "ORC|PR|L-9", "OBR|2|L-9||1-0^Lab^LN", "OBX|2|TX|1^C^L||well")
    yield unordered()
    yield from (each.read_bytes() for each in sorted(SAMPLES.glob("hl7v2_ref/*.hl7")))


GOOD = list(_good())


@pytest.mark.parametrize("seed", range(4))
def test_a_spoiled_message_is_read_or_refused_with_its_place(seed: int) -> None:
    chance, read_all, refused = Random(seed), 0, 0
    for _ in range(ROUNDS // 4):
        raw, begun = spoiled(chance), time.perf_counter()
        try:
            read(raw, "application/hl7-v2")
            read_all += 1
        except Refused as wrong:
            refused += 1
            assert all(each.expression and each.remedy for each in wrong.issues)
            assert not any(line in each.remedy for each in wrong.issues for line in ("EVERYMAN", "EXAMPLE", "ANA"))
        assert time.perf_counter() - begun < SLOWEST, raw[:200]

    assert read_all > ROUNDS // 100
    assert refused > ROUNDS // 100


@pytest.mark.parametrize(
    "raw",
    [
        b"MSH|^~\\&|" + b"^" * 60_000,
        b"MSH|^~\\&|" + b"|" * 60_000,
        b"MSH|^~\\&|" + b"~" * 60_000,
        b"MSH|^~\\&|" + b"&" * 60_000,
        b"MSH|^~\\&|" + b"\\" * 60_000,
        message("NTE|1||" + "\\.br" * 15_000),
        message("NTE|1||" + "\\X" + "41" * 30_000 + "\\"),
        message(*["NTE|1||suicid " * 100] * 40),
        message(*["OBX|1|ST|93267-3||" + "~" * 300] * 100),
        message(PID="PID|1||" + "~".join(f"M-{number}" for number in range(20_000))),
        message(RF1="RF1|" + "^" * 60_000),
        b"MSH" + b"\\" * 60_000,
        b"MSH|^~\\&|\n" + b"a\n" * 500_000,
    ],
)
def test_what_is_made_to_be_slow_is_not(raw: bytes) -> None:
    begun = time.perf_counter()
    try:
        read(raw, "application/hl7-v2")
    except Refused as wrong:
        assert wrong.issues

    assert time.perf_counter() - begun < SLOWEST


async def test_noise_on_a_line_is_answered_or_ends_the_line_and_the_service_goes_on(small: Desk) -> None:
    chance = Random(7)
    async with line(small) as port:
        for _ in range(40):
            raw = spoiled(chance).replace(b"\x1c", b"").replace(b"\x0b", b"")
            (answer,) = await talk(port, frame(raw))
            assert str(answer.segment("MSA")[1]) in ("AA", "AE", "AR")
        (answer,) = await talk(port, frame(message()))

    assert str(answer.segment("MSA")[1]) == "AA"
