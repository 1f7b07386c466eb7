"""MLLP's frames: a vertical tab, a message, a file separator, and a carriage return that some leave out."""

import asyncio

START, END = b"\x0b", b"\x1c"
EMPTY = (b"\r", b"\n", b" ", b"\x00")
NOISE = 4_096
"""Bytes outside of a frame, after which a line is no MLLP."""


class NoFrame(Exception):
    """What came is no frame: too long, or noise."""


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """This will give the next message, without what frames it; None when the line ended, NoFrame where none begins."""
    if not await _begins(reader):
        return None
    try:
        return (await reader.readuntil(END))[:-1]
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise NoFrame from None


async def _begins(reader: asyncio.StreamReader) -> bool:
    """This will read up to where a frame begins; False when the line ended, NoFrame at once for anything else."""
    for _ in range(NOISE):
        letter = await reader.read(1)
        if letter in (START, b""):
            return letter == START
        if letter not in EMPTY:
            break
    raise NoFrame


def framed(message: bytes) -> bytes:
    """This will frame an answer."""
    return START + message + END + b"\r"
