"""What a rival is given to write: each service's own rows of each person, ready for its tables."""

import pickle
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from shared import names
from tests.bench import copies
from tests.bench.capture import Row, Way, Workload
from tests.bench.copies import Copy

Load = list[dict[str, list[tuple[str, list[Row]]]]]
"""For each person, by service: statements and the rows each is to write."""


def write_down(path: Path, work: Workload, pairs: Sequence[tuple[Way, Copy]]) -> None:
    """Leave a round's rows where the rival's processes find them."""
    load = [{service: _statements(work, service, *pair) for service in names.SERVICES} for pair in pairs]
    path.write_bytes(pickle.dumps(load))


def _statements(work: Workload, service: str, way: Way, copy: Copy) -> list[tuple[str, list[Row]]]:
    found = copies.business(work, service, way, copy)
    return [(_insertion(table, work.written[service].kind(table).columns), rows) for table, rows in found]


def _insertion(table: str, columns: Sequence[str]) -> str:
    """A statement that may run twice: the natural keys of the rows make a second time harmless."""
    quoted = ", ".join(f'"{each}"' for each in columns)
    marks = ", ".join(["%s"] * len(columns))
    return f'insert into "{table}" ({quoted}) values ({marks}) on conflict do nothing'


@cache
def load(path: str) -> Load:
    """A round's rows, read once a process."""
    found: Load = pickle.loads(Path(path).read_bytes())
    return found


def write(db: Connection, path: str, person: int, service: str) -> None:
    """Write one person's rows of one service, a statement for each table, in the transaction that is open."""
    for statement, rows in load(path)[person][service]:
        db.exec_driver_sql(statement, rows)


def sync_url(url: str) -> str:
    """A database's URL for SQLAlchemy with the driver that rivals use."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def told(*what: Any) -> None:
    """Tell the process that started this one."""
    print(*what, flush=True)
