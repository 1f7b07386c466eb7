"""Copies of what was captured, under new ids: the same rows and messages for as many people as wanted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared import names
from tests.bench.capture import ID as ANY_ID
from tests.bench.capture import MAILBOX, MOVES_ON, Kind, Row, Way, Workload

BYTES_ID = re.compile(ANY_ID.pattern.encode())
DIGEST = re.compile(r"[0-9a-f]{64}")
BY_TEXT = {"placer", "placer_value", "placer_alike"}
"""Columns with an organisation's own number, which must be nobody else's."""


@dataclass(frozen=True)
class Copy:
    """The copy with a number: every id ends in it."""

    number: int

    @property
    def tail(self) -> str:
        """The last eight hexadecimal digits of this copy's ids."""
        return f"{self.number:08x}"

    def row(self, kind: Kind, row: Row) -> Row:
        """A row under new ids."""
        return tuple(self._value(name, value) for name, value in zip(kind.columns, row, strict=True))

    def _value(self, column: str, value: Any) -> Any:
        if isinstance(value, UUID):
            return UUID(value.hex[:-8] + self.tail)
        if isinstance(value, str):
            return f"{value}~{self.tail}" if column in BY_TEXT else self.text(value)
        if isinstance(value, bytes) and value[:1] == b"{":
            return BYTES_ID.sub(lambda found: found[0][:-8] + self.tail.encode(), value)
        return value

    def text(self, value: str) -> str:
        """A text under new ids."""
        if DIGEST.fullmatch(value):
            return value[:-8] + self.tail
        return ANY_ID.sub(lambda found: found[0][:-8] + self.tail, value)


@dataclass(frozen=True)
class Step:
    """What one service writes for one person: rows by table, and messages as (stream, subject, headers, body)."""

    key: str
    rows: list[tuple[str, list[Row]]]
    outbox: list[Row]
    messages: list[tuple[str, str, dict[str, str], bytes]]


def steps(work: Workload, service: str, way: Way, copy: Copy, posted: str) -> Step:
    """One person's step of a service, under new ids; `posted` is the number its post will carry."""
    written = work.written[service]
    rows = [
        (kind.name, [copy.row(kind, each) for each in way.rows[service][kind.name]])
        for kind in written.kinds
        if kind.name not in ("outbox", "heard") and way.rows[service][kind.name]
    ]
    kind = written.kind("outbox")
    outbox = [copy.row(kind, each) for each in sorted(way.rows[service]["outbox"], key=lambda row: row[0])]
    messages = [_message(kind, each, service) for each in outbox]
    return Step(_key(work, way, service, copy, posted), rows, outbox, messages)


def _key(work: Workload, way: Way, service: str, copy: Copy, posted: str) -> str:
    """By what the message that makes the step is known: the post's number, or the person's key."""
    if service == "referrals":
        return posted
    speaker, kind = MOVES_ON[service].split(".")[0], MOVES_ON[service]
    table = work.written[speaker].kind("outbox")
    row = next(each for each in way.rows[speaker]["outbox"] if each[table.at("type")] == kind)
    return copy.text(str(row[table.at("key")]))


def _message(kind: Kind, row: Row, service: str) -> tuple[str, str, dict[str, str], bytes]:
    told = dict(zip(kind.columns, row, strict=True))
    headers = {
        names.SPEC_VERSION: "1.0",
        names.EVENT_ID: str(told["event_id"]),
        names.EVENT_TYPE: told["type"],
        names.EVENT_SOURCE: service,
        names.EVENT_TIME: str(told["said_at"]),
        names.EVENT_KEY: told["key"],
        names.KEY_VERSION: str(told["version"]),
        names.OPENS: "1",
        names.TRACE: told["trace"],
    }
    if told["stream"].startswith(names.status_stream("")):
        headers["Nats-Msg-Id"] = headers[names.EVENT_ID]
    return told["stream"], told["subject"], headers, bytes(told["body"])


def business(work: Workload, service: str, way: Way, copy: Copy) -> list[tuple[str, list[Row]]]:
    """One person's rows of a service without those in which the mailbox makes delivery certain."""
    written = work.written[service]
    return [
        (kind.name, [copy.row(kind, each) for each in way.rows[service][kind.name]])
        for kind in written.kinds
        if kind.name not in MAILBOX and way.rows[service][kind.name]
    ]


def referred_to(work: Workload, copies: Sequence[Copy]) -> list[Row]:
    """Copies of matching's supporters, who have to be there before an offer can name them."""
    written = work.written["matching"]
    kind = written.kind("supporters")
    everybody = [*written.stood["supporters"], *written.rows["supporters"]]
    return [copy.row(kind, each) for copy in copies for each in everybody]
