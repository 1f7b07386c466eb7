"""What the measurements measure is true: nobody is left out, and whoever is compared writes the same rows."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from shared import names
from tests.bench import capture, flame, growing, machine, report, rivals
from tests.bench.carrying import Incomplete, refuse_incomplete
from tests.bench.figures import Line, Spread, rate
from tests.bench.floor import floor
from tests.bench.house import Carried, house
from tests.bench.postgres import postgres

FEW = 6
Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Small:
    """What a small round of the real services and of the floor did."""

    real: Carried
    bare: Carried
    work: capture.Workload
    floor_wrote: Counts
    grown: tuple[Counts, Counts]
    after_growth: Carried


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Both, on SQLite, one after another."""
    return asyncio.run(_small(tmp_path_factory.mktemp("small")))


async def _small(folder: Path) -> Small:
    async with house(folder / "house") as real:
        await real.prepare(FEW)
        before = await capture.seen(real.stores)
        carried = await real.carry(FEW)
        work = capture.workload(capture.between(before, await capture.seen(real.stores)))
        await growing.lay_aside(real.stores)
        held = _counts(await capture.seen(real.stores))
        await growing.fill(real.stores, 1, 4)
        more = _counts(await capture.seen(real.stores))
        await real.prepare(FEW)
        later = await real.carry(FEW)
    async with floor(folder / "floor", work) as bare:
        before = await capture.seen(bare.stores)
        run = await asyncio.wait_for(bare.carry(FEW), 30)
        written = capture.between(before, await capture.seen(bare.stores))
    wrote = {name: {table: len(rows) for table, rows in each.rows.items()} for name, each in written.items()}
    return Small(carried, run, work, wrote, (held, more), later)


def _counts(seen: Mapping[str, Mapping[str, list[capture.Row]]]) -> Counts:
    return {name: {table: len(rows) for table, rows in tables.items()} for name, tables in seen.items()}


def test_everybody_who_is_referred_in_a_round_has_reminders(small: Small) -> None:
    assert small.real.people == small.real.referrals == FEW
    assert small.real.reminders >= 12 * FEW
    assert 0 < small.real.seconds <= small.real.to_rest


def test_a_round_that_leaves_somebody_out_is_no_measurement() -> None:
    with pytest.raises(Incomplete, match="1 of 6"):
        refuse_incomplete("Alongside", Carried(FEW, 1.0, 1.0, people=FEW - 1))


def test_the_cpu_of_every_process_is_counted(small: Small) -> None:
    assert set(small.real.cpu) == {*names.SERVICES, "nats-server"}
    assert all(used > 0 for used in small.real.cpu.values())


def test_the_floor_writes_as_many_rows_as_the_real_services(small: Small) -> None:
    real = {name: {table: len(rows) for table, rows in each.rows.items()} for name, each in small.work.written.items()}

    assert small.floor_wrote == {
        # Those who are named in an offer have to be there before: they are laid ready, and part of no round.
        name: {**tables, **({"supporters": small.floor_wrote[name]["supporters"]} if name == "matching" else {})}
        for name, tables in real.items()
    }


def test_every_row_that_was_captured_belongs_to_one_way(small: Small) -> None:
    captured = sum(len(rows) for each in small.work.written.values() for rows in each.rows.values())

    shared_out = sum(len(rows) for way in small.work.ways for tables in way.rows.values() for rows in tables.values())

    assert shared_out == captured
    assert len(small.work.ways) == FEW


def test_stores_grow_by_whole_copies_and_carry_on(small: Small) -> None:
    held, more = small.grown

    assert more["notifications"]["reminders"] == 4 * held["notifications"]["reminders"]
    assert {name: tables["outbox"] for name, tables in more.items()} == {
        name: 4 * tables["outbox"] for name, tables in held.items()
    }
    assert small.after_growth.people == FEW


async def test_the_rivals_write_the_rows_of_everybody(small: Small, tmp_path: Path) -> None:
    for package in ("dbos", "celery", "psycopg"):
        if not find_spec(package):
            pytest.skip(f"{package} is not installed: pip install -e '.[bench]'")
    async with postgres() as pg:
        async with house(tmp_path / "house", **await pg.home("postgresql", "house")) as real:
            await real.prepare(FEW)
            before = await capture.seen(real.stores)
            await real.carry(FEW)
            work = capture.workload(capture.between(before, await capture.seen(real.stores)))
        home = await pg.home("postgresql", "dbos")
        async with rivals.dbos(tmp_path / "dbos", work, await pg.database("system"), **home) as durable:
            await durable.carry(FEW)
            one = _counts(await capture.seen(durable.stores))
        async with rivals.celery(tmp_path / "celery", work, **await pg.home("postgresql", "celery")) as queued:
            await queued.carry(FEW)
            other = _counts(await capture.seen(queued.stores))

    wanted = {name: {table: len(rows) for table, rows in each.rows.items()} for name, each in work.written.items()}
    for found in (one, other):
        assert found["notifications"]["reminders"] == wanted["notifications"]["reminders"]
        assert found["scheduling"]["seats"] == wanted["scheduling"]["seats"]
        assert found["matching"]["offers"] == wanted["matching"]["offers"] == FEW


def test_a_sample_belongs_to_the_innermost_work_it_is_part_of(tmp_path: Path) -> None:
    service, store = "run (/x/shared/service.py)", "add (/x/services/matching/store/offers.py)"
    driver, seal = "execute (/y/site-packages/asyncpg/connection.py)", "seal (/x/shared/sealed.py)"
    (tmp_path / "stacks").write_text(
        f"{service};{store};{driver} 30\n{service};{store};{seal} 20\n{service};{store} 10\n"
        "spin (/y/site-packages/uvloop/loop.py) 5"
    )

    seen = flame.read(tmp_path / "stacks")

    assert seen.areas == {"driver": 30, "seal, keys, ids": 20, "handlers, stores": 10, "event loop": 5}
    assert seen.altogether["add (services/matching/store/offers.py)"] == 60
    assert seen.alone["add (services/matching/store/offers.py)"] == 10


def test_what_is_left_behind_can_be_read_again(tmp_path: Path) -> None:
    rounds = [Carried(100, seconds, seconds, {"matching": 1.0}) for seconds in (2.0, 1.0, 4.0)]
    lines = [rate("carry", "Alongside, SQLite", rounds), Line("rest", "idle CPU", Spread((1.5,)), "% of a core")]

    report.write(tmp_path, lines, {**machine.note(), "command": "make bench"}, {})

    told = json.loads((tmp_path / "bench.json").read_text())
    assert told["lines"][0]["value"] == {"median": 50.0, "rounds": [50.0, 100.0, 25.0]}
    assert told["lines"][0]["cpu_ms"]["median"] == 10.0
    assert "| Alongside, SQLite | 50.0 (25.0 to 100) referrals/s | 10.0 |" in (tmp_path / "bench.md").read_text()
