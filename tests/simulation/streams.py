"""Streams as JetStream keeps them: messages by sequence, which may be lost, spoilt, or forgotten altogether."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared import clock


@dataclass(slots=True)
class Kept:
    """A message of a stream."""

    sequence: int
    subject: str
    data: bytes
    headers: dict[str, str]
    at: datetime


@dataclass
class Stream:
    """Messages by sequence; `created` tells one stream from another of the same name."""

    name: str
    config: dict[str, Any]
    created: str
    messages: dict[int, Kept] = field(default_factory=dict)
    last: int = 0
    ids: dict[str, int] = field(default_factory=dict)
    spoilt: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.prefixes = tuple(each.rstrip(">") for each in self.config["subjects"])

    def takes(self, subject: str) -> bool:
        """Whether a subject is this stream's."""
        return subject.startswith(self.prefixes)

    def keep(self, subject: str, data: bytes, headers: dict[str, str]) -> tuple[int, bool]:
        """Store a message; where its id is known, only say where it is."""
        identity = headers.get("Nats-Msg-Id", "")
        if identity and identity in self.ids:
            return self.ids[identity], True
        self.last += 1
        kept = {name: each for name, each in headers.items() if not name.startswith("Nats-Batch")}
        self.messages[self.last] = Kept(self.last, subject, data, kept, clock.real())
        if identity:
            self.ids[identity] = self.last
        return self.last, False

    def lose(self, lost: Sequence[int], *, last: int | None = None) -> None:
        """Forget some messages; `last` is how far the stream still reaches."""
        for each in lost:
            del self.messages[each]
        self.last = self.last if last is None else last
        self.ids = {name: sequence for name, sequence in self.ids.items() if sequence in self.messages}

    def spoil(self, sequence: int) -> None:
        """Keep a message that nobody can read any more, and count it as if it could be."""
        self.spoilt.add(sequence)
        self.ids = {name: each for name, each in self.ids.items() if each != sequence}

    def readable(self, sequence: int) -> Kept | None:
        """A message, unless it is lost or spoilt."""
        return None if sequence in self.spoilt else self.messages.get(sequence)

    def info(self, *, details: bool = False) -> dict[str, Any]:
        """What JetStream tells of it."""
        first = min(self.messages, default=self.last + 1)
        deleted = [each for each in range(first, self.last + 1) if each not in self.messages]
        held: dict[str, Any] = {"messages": len(self.messages), "first_seq": first, "last_seq": self.last, "bytes": 0}
        if deleted:
            held |= {"num_deleted": len(deleted), **({"deleted": deleted} if details else {})}
        return {"config": self.config, "created": self.created, "state": held}

    def read_on(self, begin: int, count: int) -> list[dict[str, str]]:
        """The envelopes of the next messages from a place on, and one that ends them, as a direct read gives them."""
        there = [each for each in range(max(begin, 1), self.last + 1) if self.readable(each)]
        told = [{**self.messages[each].headers, "Nats-Sequence": str(each)} for each in there[:count]]
        return (
            [*told, {"Status": "204", "Nats-Num-Pending": str(max(len(there) - count, 0))}]
            if told
            else [{"Status": "404"}]
        )
