"""Requests of an edge that gather share a transaction, and each gets its own answer, or its own refusal."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.mailbox import Ask, Reply
from shared.mailbox.tables import outbox
from tests.shared.parties import cleared, note, noted, silent, with_a_diary


class Desk:
    """An edge's handler that remembers how many gathered, and cannot stand one word."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def take(self, words: list[str], db: AsyncConnection) -> list[Reply]:
        """Note each word, and say something about it."""
        self.sizes.append(len(words))
        for each in words:
            await note(db, each)
            if each == "bad":
                raise ValueError("this word")
            if each == "away":
                raise ConnectionError
        return [Reply(each.upper(), cleared(uuid4(), each)) for each in words]


@pytest.fixture
async def store(database: Database) -> Database:
    return await with_a_diary(database)


async def ask_all(ask: Ask, words: list[str]) -> list[object]:
    return await asyncio.gather(*(ask(each) for each in words), return_exceptions=True)


async def test_what_gathers_while_a_transaction_runs_shares_the_next(store: Database) -> None:
    desk = Desk()
    ask = silent("referrals", store).together(desk.take)
    words = [str(each) for each in range(40)]

    answers = await ask_all(ask, words)

    assert answers == words and await noted(store) == words
    assert len(desk.sizes) < 5
    async with store.reading() as db:
        assert await db.scalar(select(func.count()).select_from(outbox)) == 40


async def test_a_lone_request_waits_for_nobody(store: Database) -> None:
    desk = Desk()
    ask = silent("referrals", store).together(desk.take)

    assert [await ask("a"), await ask("b")] == ["A", "B"]
    assert desk.sizes == [1, 1]


async def test_a_refusal_reaches_only_whoever_it_is_for_and_nothing_of_it_is_kept(store: Database) -> None:
    ask = silent("referrals", store).together(Desk().take)

    first, bad, last = await ask_all(ask, ["a", "bad", "b"])

    assert (first, last) == ("A", "B") and isinstance(bad, ValueError)
    assert await noted(store) == ["a", "b"]


async def test_while_the_database_is_away_all_who_gathered_are_refused_at_once(store: Database) -> None:
    desk = Desk()
    ask = silent("referrals", store).together(desk.take)

    answers = await ask_all(ask, [*"abcdefgh", "away"])

    assert [type(each) for each in answers] == [ConnectionError] * 9
    assert desk.sizes == [9] and await noted(store) == []


async def test_nobody_is_asked_further_once_the_database_goes_away_between_one_and_the_next(store: Database) -> None:
    desk = Desk()
    ask = silent("referrals", store).together(desk.take)

    first, bad, *others = await ask_all(ask, ["a", "bad", "away", "b", "c"])

    assert first == "A" and isinstance(bad, ValueError)
    assert [type(each) for each in others] == [ConnectionError] * 3
    assert desk.sizes == [5, 1, 1, 1] and await noted(store) == ["a"]


async def test_a_mailbox_is_busy_until_everybody_is_answered(store: Database) -> None:
    mailbox = silent("referrals", store)
    ask = mailbox.together(Desk().take)

    asked = asyncio.create_task(ask_all(ask, ["a", "bad", "b"]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    during = mailbox.busy
    await asked

    assert (during, mailbox.busy) == (3, 0)
