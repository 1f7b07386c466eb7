"""What others send untidily, so that nobody's bytes keep anybody from hearing."""

import re
from typing import Any

LONGEST_ID = 200
"""Characters; a longer Nats-Msg-Id names nothing that anybody would look for."""

TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def tolerate_headers(connection: Any) -> None:
    """
    This will let a NATS client go on where it cannot read a message's headers, and see the message without them.

    nats-server passes on a header block whose first line is not its own; nats-py's reader ends for good at one that is
    not UTF-8 (a private method of the pinned version).
    """
    read = connection._process_headers

    async def tolerant(headers: bytes) -> Any:
        try:
            return await read(headers)
        except (UnicodeDecodeError, IndexError):
            return None

    connection._process_headers = tolerant


def message_id(told: str) -> str:
    """This will give a Nats-Msg-Id that can be kept and shown, or nothing."""
    return told if told.isprintable() and len(told) <= LONGEST_ID else ""


def traceparent(told: str) -> str:
    """This will give a W3C trace, or nothing."""
    return told if TRACEPARENT.fullmatch(told) else ""
