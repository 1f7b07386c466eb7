"""Whatever gathered is taken in, or heard, as one: with as many statements as few take, and the same effect."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from services.referrals.handlers import Post, receive
from services.referrals.handlers.receive import MOST_AT_ONCE, TooMany
from services.referrals.reading import Posted, Reading
from services.referrals.store.tables import persons, repeats, timeline
from shared.database import Database
from shared.events import referrals
from shared.events.fact import Fact, catalogue
from shared.events.referrals import ReferralAccepted
from shared.mailbox import Ingested
from tests.counting import statements
from tests.referrals.makers import Desk, bundle, coverage, desk_on, order, patient, request
from tests.referrals.test_following import facts, told_of

FEW = 3


def posted(body: Any, place: int = 0) -> Ingested:
    """A post on the bus that is the same in every store."""
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Ingested("general-hospital", "referral", written, "", str(UUID(int=place) if place else uuid4()))


def different(first: int, count: int, **changes: Any) -> list[dict[str, Any]]:
    """Referrals of as many people, whose insurance nobody knows."""
    unknown = coverage(payor=[{"display": "Nobody Mutual"}], **{"class": []})
    people = ([{"system": "urn:hospital:mrn", "value": f"M-{each}"}] for each in range(first, first + count))
    named = ([patient(identifier=each), unknown] for each in people)
    return [request(f"R-{first + place}", contained=each, **changes) for place, each in enumerate(named)]


async def taken_in(desk: Desk, first: int, count: int) -> None:
    await desk.hear(*map(posted, different(first, count)))


async def repeated(desk: Desk, first: int, count: int) -> None:
    await taken_in(desk, first, count)
    await desk.hear(*map(posted, different(first, count)), *map(posted, different(first, count, priority="stat")))


async def held_for_danger(desk: Desk, first: int, count: int) -> None:
    await taken_in(desk, first, count)
    await desk.hear(*map(posted, different(first, count, answer="flagged")))


async def refused(desk: Desk, first: int, count: int) -> None:
    await desk.hear(*map(posted, different(first, count, status="somewhere")))


async def followed(desk: Desk, first: int, count: int) -> None:
    await taken_in(desk, first, count)
    accepted = (await desk.said(ReferralAccepted))[-count:]
    told = [facts(each) for each in accepted]
    await desk.hear(*(each[step] for each in told for step in ("offer", "match", "series", "first", "ended")))


@pytest.mark.parametrize("act", [taken_in, repeated, held_for_danger, refused, followed], ids=lambda act: act.__name__)
async def test_many_take_as_many_statements_as_few(
    desk: Desk, act: Callable[[Desk, int, int], Awaitable[None]]
) -> None:
    await act(desk, 1000, FEW)

    with statements(desk.service.database) as for_few:
        await act(desk, 2000, FEW)
    with statements(desk.service.database) as for_many:
        await act(desk, 3000, 4 * FEW)

    assert for_many == for_few
    assert for_few


def crowd(chance: Random) -> list[Any]:
    """Posts that repeat, contradict and refer to each other, flagged and refused, in any order."""
    numbers = [{"system": "urn:hospital:mrn", "value": each} for each in ("M-1", "M-2")]
    plain = [
        request(
            f"R-{chance.randint(1, 4)}",
            answer=chance.choice(["none", "none", "flagged", None]),
            priority=chance.choice(["routine", "stat"]),
            contained=[patient(identifier=chance.sample(numbers, chance.randint(1, 2)))],
            note=[{"text": chance.choice(["Likes mornings", "Took an overdose yesterday"])}],
        )
        for _ in range(12)
    ]
    instead = [
        bundle(
            {**patient(), "_as": "urn:uuid:ana"},
            {
                **request(chance.choice([None, "R-9"]), subject={"reference": "urn:uuid:ana"}, contained=None),
                "_unless": f"identifier={chance.choice(['', 'urn:hospital|'])}R-{chance.randint(1, 6)}",
            },
        )
        for _ in range(6)
    ]
    mixed = [*plain, *instead, b"{not json", request("R-1", status="somewhere")]
    chance.shuffle(mixed)
    said_twice = ("Likes mornings", "Took an overdose yesterday") * 2
    return [*mixed, *(request("R-7", answer="flagged", note=[{"text": each}]) for each in said_twice)]


async def effects(desk: Desk) -> dict[str, Any]:
    """Everything that posts changed, but for what a referrer was told on the way."""
    work = sorted((each.kind, each.about, each.owner, each.due, each.note) for each in await desk.work())
    last = {each.get("id", str(each)): each for each in await desk.told()}
    async with desk.service.database.reading() as db:
        kept = {
            each.name: sorted(tuple(map(str, row)) for row in await db.execute(select(*columns)))
            for each, columns in (
                (persons, (persons,)),
                (repeats, (repeats.c.repeat_id, repeats.c.referral_id, repeats.c.changed)),
                (timeline, (timeline.c.entry_id, timeline.c.what)),
            )
        }
    said: list[Fact] = await desk.said(*catalogue(referrals).values())
    return {"said": said, "work": work, "told": last, "figures": await desk.figures(), **kept}


@pytest.mark.parametrize("seed", range(4))
async def test_what_gathered_has_the_effect_it_has_one_after_another(desk: Desk, tmp_path: Path, seed: int) -> None:
    posts = [posted(body, place) for place, body in enumerate(crowd(Random(seed)), 1)]
    (tmp_path / "other").mkdir()
    other = Database.open(f"sqlite:///{tmp_path / 'other' / 'store.sqlite'}")

    await desk.hear(*posts)
    async with desk_on(other, tmp_path / "other") as alone:
        for each in posts:
            await alone.hear(each)
        one_by_one = await effects(alone)
    await other.close()

    assert await effects(desk) == one_by_one


async def test_danger_in_a_repeat_that_comes_together_with_the_referral_is_raised_and_told(desk: Desk) -> None:
    await desk.hear(posted(request(answer=None)), posted(request(answer="flagged")))

    assert await told_of(desk) == [("on-hold", "needs_screen"), ("on-hold", "crisis_review")]
    assert {each.kind for each in await desk.work()} == {"screening", "crisis", "changed_referral"}
    assert (await desk.figures())["referrals_in_crisis_review"] == 1


async def test_more_than_a_transaction_should_take_is_left_to_be_taken_one_by_one(desk: Desk) -> None:
    large = Reading([Posted(order(), entry=each) for each in range(MOST_AT_ONCE // 2 + 1)])
    posts = [Post(post_id=uuid4(), organisation="general-hospital", reading=large) for _ in range(2)]

    async with desk.service.database.transaction() as db:
        with pytest.raises(TooMany):
            await receive(posts, db, programme=desk.service.programme)
        (answer,) = await receive(posts[:1], db, programme=desk.service.programme)

    assert [each.new for each in answer.answer] == [True] + [False] * (MOST_AT_ONCE // 2)
