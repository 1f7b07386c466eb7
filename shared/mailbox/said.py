"""What a handler may return: facts, and what is to be said later, done outside, or answered."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from shared.events.fact import Fact
from shared.ids import beside

TIMERS = UUID("0b0d5d5e-8f44-5f0c-8a43-2f0f6d1f7a10")


@dataclass(frozen=True)
class Later:
    """A timer: the fact comes back to this service's own handler when domain time reaches `due`.

    It is never cancelled: it rings, and the rule looks whether it still matters. The same `key` of the
    same aggregate is one timer; without one, the same fact is.
    """

    fact: Fact
    due: datetime
    key: str = ""

    def timer_id(self) -> UUID:
        """This will identify the timer: by its key, or by what it says, then beside others about the same."""
        told = self.key or f"{self.fact.type_name()} {self.fact.model_dump_json()} {self.due.isoformat()}"
        return beside(_root(self.fact.key()), told)


def _root(key: str) -> UUID:
    try:
        return UUID(key)
    except ValueError:
        return uuid5(TIMERS, key)


@dataclass(frozen=True)
class Errand:
    """An intent to call the outside world, committed with the transaction; once for each `key`."""

    fact: Fact
    key: str


@dataclass(frozen=True)
class Trip:
    """How an errand is called: by its `key`; `lost` when an earlier process may have made this call, and died."""

    key: str
    lost: bool = False


@dataclass(frozen=True)
class Status:
    """What an organisation is told about what it posted, on `status.<organisation>.<kind>.v1` (JSON body)."""

    organisation: str
    kind: str
    about: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What an edge's handler answers the edge, beside what it says."""

    answer: Any
    said: "Sequence[Said] | Said | None" = field(default=None)


@dataclass(frozen=True)
class Ingested:
    """What an organisation posted or asked on the bus; the organisation comes from the subject the server mapped.

    `message_id` is ours, a UUID that is the same at every redelivery; `reference` is what the sender may know it by:
    its `Nats-Msg-Id`, where it gave one.
    """

    organisation: str
    kind: str
    body: bytes
    content_type: str
    message_id: str
    reference: str = ""

    @property
    def known_as(self) -> str:
        """What its sender knows it by; our own id where they gave none."""
        return self.reference or self.message_id

    def told(self, body: dict[str, Any], *, about: str = "") -> Status:
        """This will tell its sender what became of it, under what they know it by, unless it is `about` another."""
        return Status(self.organisation, self.kind, about or self.known_as, body)


Said = Fact | Later | Errand | Status
Answer = Reply | Said | Sequence[Said] | None
Run = Callable[[Any, Any], Awaitable[Any]]
"""What an edge is given to run `handler(value, db)` in one transaction: `run(handler, value)`, then its answer."""

Together = Callable[[list[Any], Any], Awaitable[list[Reply]]]
"""An edge's handler of whatever gathered: `handler(values, db)`, with a Reply for each value, in their order."""

Ask = Callable[[Any], Awaitable[Any]]
"""What an edge is given to have such a handler answer one value: `await ask(value)`."""


def flat(answer: Answer) -> list[Said]:
    """This will list what was said, however it was returned."""
    if answer is None:
        return []
    if isinstance(answer, Reply):
        return flat(answer.said)
    return list(answer) if isinstance(answer, Sequence) else [answer]
