"""MLLP's frames: a vertical tab, a message, a file separator, and a carriage return that some leave out."""

import asyncio

START, END = b"\x0b", b"\x1c"
NOISE = 4_096
"""Bytes outside of a frame, after which a line is no MLLP."""


class NoFrame(Exception):
    """What came is no frame: too long, or noise."""


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """This will give the next message, without what frames it; None when the line ended, NoFrame where none begins."""
    try:
        raw = await reader.readuntil(END)
    except asyncio.IncompleteReadError as ended:
        if ended.partial.strip(b"\r\n"):
            raise NoFrame from None
        return None
    except asyncio.LimitOverrunError:
        raise NoFrame from None
    noise, begun, message = raw[:-1].partition(START)
    if not begun or len(noise) > NOISE or noise.strip(b"\r\n \x00"):
        raise NoFrame
    return message


def framed(message: bytes) -> bytes:
    """This will frame an answer."""
    return START + message + END + b"\r"
