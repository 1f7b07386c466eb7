"""A letter: one message as it came from JetStream, before anybody has read its body."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from shared import names
from shared.clock import real
from shared.events.fact import Fact
from shared.mailbox.untidy import traceparent
from shared.sealed import seal, unseal

LETTERS = UUID("5b6a9d2c-0a35-5d1f-8f6e-52a0c4b1d9aa")
UNREAD = 0
"""The version of what has no order."""
KEPT = timedelta(days=names.KEPT_DAYS)


@dataclass(frozen=True)
class Letter:
    """`source` is who said it (`matching`, `sealed.referrals`, `ingest.<org>.<kind>`); version 0 has no order.

    `opens` is the first version its speaker still held; `preceded_at` is when the one before it was given to JetStream.
    """

    event_id: UUID
    source: str
    key: str
    version: int
    opens: int
    type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    preceded_at: datetime | None = None

    @property
    def partition(self) -> int:
        """This will say whose share the letter is; what organisations post is the first share's."""
        return 0 if self.version == UNREAD else names.partition(self.key)

    def follows(self, reached: int) -> bool:
        """This will say whether the letter is the next after `reached`, or all between is gone from every stream.

        What is gone from the streams may still wait here, put aside: who jumps has to ask (`gate.sort`, `aside.TURN`).
        """
        gone = self.preceded_at is not None and self.preceded_at <= real() - KEPT
        return self.version == reached + 1 or self.version == self.opens or gone

    @property
    def trace(self) -> str:
        """This will give the W3C trace the letter belongs to."""
        return traceparent(self.headers.get(names.TRACE, "")) or new_trace()


def new_trace() -> str:
    """This will begin a trace."""
    return f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"


def from_message(message: Any) -> Letter | None:
    """This will read a JetStream message's envelope; None when it has none of ours, so nobody can have said it."""
    headers: dict[str, str] = dict(message.headers or {})
    room, *rest = message.subject.split(".")
    if room == "ingest":
        place = message.metadata
        told = f"{place.stream} {place.sequence.stream} {place.timestamp.isoformat()}"
        source = f"ingest.{rest[0]}.{rest[1]}"
        return Letter(uuid5(LETTERS, told), source, told, UNREAD, UNREAD, "ingest", message.data, headers)
    try:
        speaker = headers[names.EVENT_SOURCE]
        return Letter(
            event_id=UUID(headers[names.EVENT_ID]),
            source=f"sealed.{speaker}" if room == "sealed" else speaker,
            key=headers[names.EVENT_KEY],
            version=int(headers[names.KEY_VERSION]),
            opens=int(headers.get(names.OPENS, "1")),
            type=headers[names.EVENT_TYPE],
            body=message.data,
            headers=headers,
            preceded_at=datetime.fromisoformat(before) if (before := headers.get(names.PRECEDED)) else None,
        )
    except (KeyError, ValueError):
        return None


def write(fact: Fact) -> bytes:
    """This will give a fact's body as it travels: JSON, sealed when only one listener may read it."""
    return seal(fact.wire(), place=fact.type_name()) if fact.SEALED_FOR else fact.wire()


def read(kind: type[Fact], body: bytes) -> Fact:
    """This will read a body that `write` made."""
    return kind.model_validate_json(unseal(body, place=kind.type_name()) if kind.SEALED_FOR else body)


PLAIN = ("event_id", "partition", "source", "key", "version", "opens", "preceded_at", "type")
"""What may be read of a letter that waits."""


def put_away(letter: Letter) -> dict[str, Any]:
    """This will give the columns in which a letter waits, its body and headers sealed."""
    return {
        **{each: getattr(letter, each) for each in PLAIN},
        "headers": seal(json.dumps(letter.headers).encode(), place="letters.headers"),
        "body": seal(letter.body, place="letters.body"),
    }


def take_out(row: Any) -> Letter:
    """This will give a letter back from its columns."""
    return Letter(
        row["event_id"],
        row["source"],
        row["key"],
        row["version"],
        row["opens"],
        row["type"],
        unseal(row["body"], place="letters.body"),
        json.loads(unseal(row["headers"], place="letters.headers")),
        row["preceded_at"],
    )
