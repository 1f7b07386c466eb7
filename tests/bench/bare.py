"""One of the floor's four processes: reads, writes given rows, publishes given messages, acknowledges; decides nothing.

`python -m tests.bench.bare URL SEED SERVICE DATABASE CONSUMERS` takes the path of a pickled load on each line of its
input, answers `ready`, and when everything expected was heard, written and published, `done` and the moment of the end.
"""

import asyncio
import json
import pickle
import sqlite3
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import nats
import uvloop

from shared import clock, names
from tests.bench.copies import Row, Step

AT_ONCE = 500
UPSERTS = {
    "heard": (("source", "key"), "version"),
    "spoken": (("channel", "key"), "version"),
}
COMMITTED = b"+ACK"


@dataclass
class Load:
    """What a process has to do in a round: the steps by the key that makes each, and how many messages it will hear."""

    columns: dict[str, tuple[str, ...]]
    makes: str
    steps: dict[str, Step]
    expected: int
    first_id: int
    heard: int = 0
    ids: Any = field(default_factory=count)


def statement(table: str, columns: Sequence[str], dialect: str) -> str:
    """The statement that writes a row, or moves on the one that is there."""
    marks = ["?" if dialect == "sqlite" else f"${number}" for number, _ in enumerate(columns, 1)]
    quoted = ", ".join(f'"{each}"' for each in columns)
    written = f'insert into "{table}" ({quoted}) values ({", ".join(marks)})'
    if table not in UPSERTS:
        return written
    keys, change = UPSERTS[table]
    return f"{written} on conflict ({', '.join(keys)}) do update set {change} = excluded.{change}"


SENT = 'update "outbox" set sent_at = {0}, sequence = id + {1} where id between {2} and {3}'


class SqliteStore:
    """The file, written on the thread that asks: nobody else wants it."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, timeout=30)
        for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
            self.db.execute(f"pragma {pragma}")
        self.sent = SENT.format("?", "?", "?", "?")

    async def write(self, work: Sequence[tuple[str, Sequence[Row]]]) -> None:
        """Write everything in one transaction."""
        self.db.execute("begin immediate")
        for told, rows in work:
            self.db.executemany(told, rows)
        self.db.execute("commit")

    @staticmethod
    def moment() -> Any:
        """Now, as the column takes it."""
        return clock.real().isoformat(timespec="microseconds")


class PostgresStore:
    """One connection; a statement for each table, its rows sent along in one go."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.sent = SENT.format("$1", "$2", "$3", "$4")

    async def write(self, work: Sequence[tuple[str, Sequence[Row]]]) -> None:
        """Write everything in one transaction."""
        async with self.pool.acquire() as db, db.transaction():
            for told, rows in work:
                await db.executemany(told, rows)

    @staticmethod
    def moment() -> Any:
        """Now, as the column takes it."""
        return clock.real()


class Bare:
    """The loop."""

    def __init__(self, client: Any, store: Any, dialect: str) -> None:
        self.client, self.store, self.dialect = client, store, dialect
        self.load: Load | None = None
        self.turn = asyncio.Lock()
        self.over = asyncio.Event()
        self.statements: dict[str, str] = {}

    def take(self, load: Load) -> None:
        """Begin a round."""
        self.load, load.ids = load, count(load.first_id)
        self.statements = {name: statement(name, each, self.dialect) for name, each in load.columns.items()}
        self.over.clear()

    async def read(self, stream: str, consumer: str) -> None:
        """Read a consumer for ever, whatever has arrived at a time."""
        arrived: deque[Any] = deque()
        something = asyncio.Event()
        inbox = self.client.new_inbox()
        credit = 0

        async def hear(message: Any) -> None:
            nonlocal credit
            if message.reply:
                arrived.append(message)
            else:
                # The request is over, for its time is: the next one is due.
                credit = 0
            something.set()

        await self.client.subscribe(inbox, cb=hear)
        while True:
            if credit <= AT_ONCE // 4:
                ask = json.dumps({"batch": AT_ONCE, "expires": 30_000_000_000}).encode()
                await self.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", ask, reply=inbox)
                credit += AT_ONCE
            await something.wait()
            something.clear()
            batch = [arrived.popleft() for _ in range(min(len(arrived), AT_ONCE))]
            credit -= len(batch)
            if arrived:
                something.set()
            if batch:
                async with self.turn:
                    await self.apply(batch)

    async def apply(self, batch: Sequence[Any]) -> None:
        """Write what a batch makes, acknowledge, publish what follows, and note that it was sent."""
        load = self.load
        assert load is not None
        made, heard = [], {}
        for each in batch:
            headers = each.headers
            if each.subject.startswith("ingest."):
                made.append(load.steps[headers["Nats-Msg-Id"]])
                continue
            sealed = "sealed." if each.subject.startswith("sealed.") else ""
            heard[f"{sealed}{headers[names.EVENT_SOURCE]}", headers[names.EVENT_KEY]] = int(headers[names.KEY_VERSION])
            if headers[names.EVENT_TYPE] == load.makes:
                made.append(load.steps[headers[names.EVENT_KEY]])
        out = sorted(
            ((*message, row) for step in made for message, row in zip(step.messages, step.outbox, strict=True)),
            key=lambda each: each[0],
        )
        numbered = [(next(load.ids), *each) for each in out]
        await self.store.write(self._rows(made, heard, numbered))
        for each in batch:
            await self.client.publish(each.reply, COMMITTED)
        if numbered:
            await self.publish(numbered)
        load.heard += len(batch)
        if load.heard == load.expected:
            self.over.set()

    def _rows(self, made: Sequence[Step], heard: Any, numbered: Sequence[Any]) -> list[tuple[str, list[Row]]]:
        assert self.load is not None
        gathered: dict[str, list[Row]] = {}
        for step in made:
            for table, rows in step.rows:
                gathered.setdefault(table, []).extend(rows)
        if heard:
            gathered["heard"] = [(*place, version) for place, version in sorted(heard.items())]
        if numbered:
            gathered["outbox"] = [(number, *row[1:]) for number, *_, row in numbered]
        order = [each for each in self.load.columns if each in gathered]
        return [(self.statements[each], gathered[each]) for each in order]

    async def publish(self, numbered: Sequence[Any]) -> None:
        """Publish stream by stream, in atomic batches where the stream takes them, and note each."""
        start = 0
        while start < len(numbered):
            stream = numbered[start][1]
            end = start
            while end < len(numbered) and numbered[end][1] == stream and end - start < AT_ONCE:
                end += 1
            part = numbered[start:end]
            singly = stream.startswith(names.status_stream("")) or len(part) == 1
            last = await (self._pipelined(part) if singly else self._batch(part))
            first, final = part[0][0], part[-1][0]
            await self.store.write([(self.store.sent, [(self.store.moment(), last - final, first, final)])])
            start = end

    async def _pipelined(self, part: Sequence[Any]) -> int:
        asked = (
            self.client.request(subject, body, headers=headers, timeout=10) for _, _, subject, headers, body, _ in part
        )
        return max(int(json.loads(each.data)["seq"]) for each in await asyncio.gather(*asked))

    async def _batch(self, part: Sequence[Any]) -> int:
        batch = uuid4().hex
        for place, (_, _, subject, headers, body, _) in enumerate(part, 1):
            told = {**headers, "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(place)}
            if place < len(part):
                await self.client.publish(subject, body, headers=told)
        answer = await self.client.request(subject, body, headers={**told, "Nats-Batch-Commit": "1"}, timeout=10)
        return int(json.loads(answer.data)["seq"])


async def main(url: str, seed: str, service: str, database: str, consumers: str) -> None:
    """Serve rounds until the input ends."""
    client = await nats.connect(url, nkeys_seed=seed, inbox_prefix=f"_INBOX_{service}")
    dialect = "sqlite" if database.startswith("sqlite") else "postgresql"
    if dialect == "sqlite":
        store: Any = SqliteStore(database.removeprefix("sqlite:///"))
    else:
        store = PostgresStore(await asyncpg.create_pool(database, min_size=1, max_size=1))
    bare = Bare(client, store, dialect)
    reading = [asyncio.create_task(bare.read(*each.split(":"))) for each in consumers.split(",")]
    loop = asyncio.get_running_loop()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        bare.take(pickle.loads(await asyncio.to_thread(Path(line).read_bytes)))
        print("ready", flush=True)
        over = asyncio.create_task(bare.over.wait())
        await asyncio.wait([over, *reading], return_when=asyncio.FIRST_COMPLETED)
        for each in reading:
            if each.done():
                each.result()
        print(f"done {clock.real().isoformat()}", flush=True)
    await client.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
