"""Tasks that wait for a person, on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared import clock, work
from shared.database import Database
from tests.shared.test_database import NOON

HOUR = timedelta(hours=1)


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Database]:
    clock.step_to(NOON)
    async with database.transaction() as db:
        await db.run_sync(work.metadata.create_all)
    yield database


async def opened(store: Database, *, note: str | None = None) -> bool:
    async with store.transaction() as db:
        due = clock.now() + HOUR
        return await work.open_task(db, kind="crisis", about="somebody", owner="on-call", due=due, note=note)


async def waiting(store: Database) -> list[work.Task]:
    async with store.reading() as db:
        return await work.open_tasks(db)


async def test_a_task_that_is_open_stays_as_it_is_however_often_it_is_opened(store: Database) -> None:
    first = await opened(store)
    (before,) = await waiting(store)
    clock.step_to(NOON + HOUR)

    again = await opened(store)

    assert (first, again) == (True, False)
    assert await waiting(store) == [before]


async def test_a_task_that_was_done_is_open_again_with_its_new_time(store: Database) -> None:
    await opened(store)
    async with store.transaction() as db:
        await work.close_task(db, kind="crisis", about="somebody", by="Kim Lee")
    clock.step_to(NOON + HOUR)

    again = await opened(store)

    (task,) = await waiting(store)
    assert again
    assert (task.opened_at, task.due) == (NOON + HOUR, NOON + 2 * HOUR)
    async with store.transaction() as db:
        assert await work.close_task(db, kind="crisis", about="somebody", by="Kim Lee")


async def test_many_tasks_are_opened_and_those_of_several_kinds_done_at_once(store: Database) -> None:
    some = [
        work.Asked(kind=kind, about=about, owner="intake", due=NOON + HOUR)
        for kind in ("call", "look", "wait")
        for about in ("Ana", "Ana", "Ben")
    ]

    async with store.transaction() as db:
        await work.open_each(db, some)
        await work.close_tasks(db, kind=("call", "look"), abouts=["Ana", "Ben"], by="Kim Lee")
        await work.close_tasks(db, kind="wait", abouts=["Ana"], by="Kim Lee")

    assert [(each.kind, each.about) for each in await waiting(store)] == [("wait", "Ben")]


async def test_a_task_comes_back_only_with_something_else_to_look_at(store: Database) -> None:
    async def renewed(note: str | None) -> list[str | None]:
        asked = work.Asked(kind="differs", about="somebody", owner="billing", due=clock.now() + HOUR, note=note)
        async with store.transaction() as db:
            await work.renew(db, [asked], by="news")
        return [each.note for each in await waiting(store)]

    assert [await renewed(each) for each in (None, "one", "one", "another")] == [[], ["one"], ["one"], ["another"]]
    async with store.transaction() as db:
        await work.close_task(db, kind="differs", about="somebody", by="Kim Lee")
    assert [await renewed(each) for each in ("another", None, None, "another")] == [[], [], [], ["another"]]


async def test_one_kind_is_listed_alone_and_no_more_than_was_asked_for(store: Database) -> None:
    await opened(store)
    async with store.transaction() as db:
        for each in range(3):
            due = clock.now() + each * HOUR
            await work.open_task(db, kind="screening", about=f"person {each}", owner="intake", due=due)

    async with store.reading() as db:
        every, some = await work.open_tasks(db), await work.open_tasks(db, kind="screening", limit=2)

    assert [each.kind for each in every] == ["crisis", *["screening"] * 3]
    assert [each.about for each in some] == ["person 0", "person 1"]
