"""What a real round wrote, row by row, sorted by whom it was written for: what the others are then given to write."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from shared import names
from shared.mailbox.tables import metadata as mailbox_tables

ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
NOT_COPIED = {"carried", "sites"}
"""Tables of a handful of rows, whatever is carried."""

MOVES_ON = {
    "matching": "referrals.referral-accepted.v1",
    "scheduling": "matching.match-made.v1",
    "notifications": "scheduling.series-booked.v1",
}
"""The fact at whose arrival a service's step of the way is written; the referrals service's is the post itself."""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Kind:
    """A table of a service: its columns as written, and where among them some are."""

    name: str
    columns: tuple[str, ...]

    def at(self, column: str) -> int:
        """The place of a column."""
        return self.columns.index(column)


@dataclass
class Written:
    """What one service wrote: `rows` of each table, in the order in which they may be inserted."""

    kinds: list[Kind]
    rows: dict[str, list[Row]] = field(default_factory=dict)
    stood: dict[str, list[Row]] = field(default_factory=dict)

    def kind(self, name: str) -> Kind:
        """A table by its name."""
        return next(each for each in self.kinds if each.name == name)


def tables(service: str) -> list[Table]:
    """A service's tables, those that others refer to first."""
    metadata = import_module(f"services.{service}.store").metadata
    return [each for each in metadata.sorted_tables if each.name not in NOT_COPIED]


async def seen(stores: Mapping[str, Any]) -> dict[str, dict[str, list[Row]]]:
    """Every row of every store, as the drivers give them."""
    return {name: {each.name: await _rows(stores[name], each) for each in tables(name)} for name in names.SERVICES}


async def _rows(store: Any, table: Table) -> list[Row]:
    columns = ", ".join(f'"{each.name}"' for each in table.columns)
    order = ", ".join(f'"{each.name}"' for each in table.primary_key.columns)
    return list(await store.rows(f'select {columns} from "{table.name}" order by {order}'))


def between(
    before: Mapping[str, Mapping[str, Sequence[Row]]], after: Mapping[str, Mapping[str, Sequence[Row]]]
) -> dict[str, Written]:
    """What was inserted between two looks; rows that were only changed are left out."""
    found = {}
    for service in names.SERVICES:
        written = Written([Kind(each.name, tuple(each.columns.keys())) for each in tables(service)])
        for table in tables(service):
            keys = [written.kind(table.name).at(each.name) for each in table.primary_key.columns]
            known = {tuple(row[each] for each in keys) for row in before[service][table.name]}
            rows = after[service][table.name]
            written.rows[table.name] = [row for row in rows if tuple(row[each] for each in keys) not in known]
            written.stood[table.name] = list(before[service][table.name])
        found[service] = written
    return found


def ids_in(row: Row) -> Iterator[str]:
    """Every id in a row, also within texts and bodies, as 32 hexadecimal digits."""
    for value in row:
        if isinstance(value, UUID):
            yield value.hex
        elif isinstance(value, str):
            yield from (each.replace("-", "") for each in ID.findall(value))
        elif isinstance(value, bytes) and value[:1] == b"{":
            yield from (each.replace("-", "") for each in ID.findall(value.decode()))


@dataclass
class Way:
    """One person's way through the house: what each service wrote for them, and the fact that made it."""

    rows: dict[str, dict[str, list[Row]]] = field(default_factory=partial(defaultdict, partial(defaultdict, list)))
    placer: str = ""


@dataclass
class Workload:
    """Ways of people, and what was heard of each fact: the material of every comparison."""

    written: dict[str, Written]
    ways: list[Way]

    def figures(self) -> dict[str, dict[str, float]]:
        """Rows a referral by service and table."""
        count = len(self.ways)
        return {
            service: {table: len(rows) / count for table, rows in each.rows.items() if rows}
            for service, each in self.written.items()
        }


def workload(written: dict[str, Written]) -> Workload:
    """Sort everything that was written by whom it was written for."""
    owners: dict[str, int] = {}
    ways: list[Way] = []
    first = written["referrals"]
    kind = first.kind("referrals")
    for row in first.rows["referrals"]:
        owners[_hex(row[kind.at("person_id")])] = owners[_hex(row[kind.at("referral_id")])] = len(ways)
        ways.append(Way(placer=row[kind.at("placer_value")]))
    for service, each in written.items():
        for table in each.kinds:
            _share_out(service, table, each.rows[table.name], owners, ways)
    return Workload(written, ways)


def _share_out(service: str, table: Kind, rows: Sequence[Row], owners: dict[str, int], ways: list[Way]) -> None:
    """Give each row to the person one of whose ids is in it; what belongs to nobody goes round."""
    for number, row in enumerate(rows):
        found = list(ids_in(row))
        owner = next((owners[each] for each in found if each in owners), number % len(ways))
        if table.name not in ("inbox", "heard") and found:
            # Rows that follow know this one by its own id.
            owners.setdefault(found[0], owner)
        ways[owner].rows[service][table.name].append(row)


def _hex(value: Any) -> str:
    return value.hex if isinstance(value, UUID) else str(value).replace("-", "")


MAILBOX = frozenset(mailbox_tables.tables) - {"timers"}
"""Tables in which the mailbox keeps what makes delivery certain; whoever has an engine for that needs none of them."""
