"""Whatever gathered is decided as one: with as many statements as few take, and the effect of one after another."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from services.matching.handlers.answer import Answered, Refused
from services.matching.store.tables import metadata
from shared.database import Database
from shared.events.fact import Fact
from shared.events.matching import MatchMade, OfferFellDue, OfferMade
from shared.events.referrals import ReferralAmended, ReferralHeld, ReferralRefused
from shared.mailbox import Ingested, Status
from tests.counting import statements
from tests.matching.crowds import accepts, answers, consent, declines, referral, revoked, supporter
from tests.matching.desk import Desk, of
from tests.matching.journeys import ended

FEW = 3


NOBODYS = Answered(offer_id=UUID(int=1), organisation="programme", answer="accept")


async def asked(desk: Desk, first: int, count: int, *, capacity: int = 1) -> list[OfferMade]:
    """Offers that are out, to as few supporters as have room."""
    await desk.hear(*(supporter(each, capacity=capacity) for each in range(first, first + count // capacity)))
    said = await desk.hear(*(referral(each) for each in range(first, first + count)))
    return of(OfferMade, said)


Act = Callable[[Desk, int, int], Awaitable[Awaitable[Any]]]
"""Prepares for as many people, from a number on, and gives what is then done at once."""


async def a_yes(desk: Desk, first: int, count: int) -> Awaitable[Any]:
    offers = await asked(desk, first, count)
    return answers(desk, [accepts(each) for each in offers])


async def a_no(desk: Desk, first: int, count: int) -> Awaitable[Any]:
    offers = await asked(desk, first, count)
    return answers(desk, [declines(each) for each in offers])


async def silence(desk: Desk, first: int, count: int) -> Awaitable[Any]:
    offers = await asked(desk, first, count)
    return desk.hear(*(OfferFellDue(offer_id=each.offer_id, person_id=each.person_id) for each in offers))


async def registering(desk: Desk, first: int, count: int) -> Awaitable[Any]:
    taken = [supporter(each) for each in range(first, first + count)]
    refused = [supporter(first + count + each, site_id="nowhere") for each in range(count)]
    return desk.hear(*taken, *refused)


async def asking(desk: Desk, first: int, count: int) -> Awaitable[Any]:
    await desk.hear(*(supporter(each) for each in range(first, first + count)))
    nobody_fits = [referral(first + count + each, preferences={"languages": ["vi"]}) for each in range(count)]
    return desk.hear(*(referral(each) for each in range(first, first + count)), *nobody_fits)


async def holding(desk: Desk, first: int, count: int) -> Awaitable[Any]:
    offers = await asked(desk, first, count)
    ids = [{"referral_id": each.referral_id, "person_id": each.person_id} for each in offers]
    return desk.hear(*(ReferralHeld(**each, site_id="north", state="crisis_review") for each in ids))


async def amending(desk: Desk, first: int, count: int) -> Awaitable[Any]:
    people = [referral(each) for each in range(first, first + count)]
    await desk.hear(*people)
    ids = [{"referral_id": each.referral_id, "person_id": each.person_id} for each in people]
    return desk.hear(*(ReferralAmended(**each, urgency="urgent", part2=True) for each in ids))


async def revoking(desk: Desk, first: int, count: int) -> Awaitable[Any]:
    await asked(desk, first, count)
    given = [consent(each) for each in range(first, first + count)]
    await desk.hear(*given)
    return desk.hear(*(revoked(each) for each in given))


async def ending(desk: Desk, first: int, count: int) -> Awaitable[Any]:
    offers = await asked(desk, first, count)
    await answers(desk, [accepts(each) for each in offers])
    matches = of(MatchMade, await desk.hear())
    return desk.hear(*(ended(each) for each in matches))


ACTS = [a_yes, a_no, silence, registering, asking, holding, amending, revoking, ending]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_many_take_as_many_statements_as_few(desk: Desk, act: Act) -> None:
    few = await act(desk, 100, FEW)
    with statements(desk.database) as for_few:
        await few
    many = await act(desk, 200, 4 * FEW)
    with statements(desk.database) as for_many:
        await many

    assert len(for_many) == len(for_few) > 0


TABLES = ("supporters", "referrals", "offers", "matches", "tasks", "consents", "refusals", "bridges")
OF_EACH_STORE = {"registered_at", "opened_at", "profile", "exclusions", "needs", "preferences"}


async def state(desk: Desk) -> dict[str, list[str]]:
    """What is in the store, table by table."""
    found = {}
    async with desk.database.reading() as db:
        for table in TABLES:
            columns = [each for each in metadata.tables[table].c if each.name not in OF_EACH_STORE]
            found[table] = sorted(repr(tuple(row)) for row in await db.execute(select(*columns)))
    return found


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Desk]:
    """A second desk, at which things come one after another."""
    opened = Database.open(f"sqlite:///{tmp_path / 'other.sqlite'}")
    yield await Desk.open(opened)
    await opened.close()


@pytest.mark.parametrize("seed", range(8))
async def test_answers_at_once_have_the_effect_of_one_after_another(desk: Desk, other: Desk, seed: int) -> None:
    chance = Random(seed)
    offers = await asked(desk, 0, 6, capacity=3)
    assert [each.offer_id for each in offers] == [each.offer_id for each in await asked(other, 0, 6, capacity=3)]
    kinds = [accepts, declines, lambda each: replace(accepts(each), organisation="other"), lambda _: NOBODYS]
    given = [chance.choice(kinds)(chance.choice(offers)) for _ in range(12)]

    at_once = await answers(desk, given)
    one_by_one = [(await answers(other, [each]))[0] for each in given]

    assert at_once == one_by_one
    assert await state(desk) == await state(other)
    assert [type(each) for each in await desk.hear()] == [type(each) for each in await other.hear()]


def happenings(chance: Random, offers: list[OfferMade]) -> list[Fact | Ingested]:
    """What may happen to people who were asked about, and to supporters, in any order and some of it twice."""
    found: list[Fact | Ingested] = []
    for number, each in enumerate(offers):
        ids = {"referral_id": each.referral_id, "person_id": each.person_id}
        ours, again, payers = consent(number), consent(1000 + number), consent(2000 + number, ["payer"])
        found += [
            ReferralHeld(**ids, site_id="north", state="crisis_review"),
            ReferralRefused(**ids, reason="withdrawn"),
            *(payers, *(revoked(one) for one in (ours, again, payers))),
            OfferFellDue(offer_id=each.offer_id, person_id=each.person_id),
            supporter(number, capacity=chance.choice([1, 2])),
            *(supporter(50, each, public_name=each) for each in ("programme", "other", "hospital")),
        ]
    return chance.choices(found, k=16)


@pytest.mark.parametrize("seed", range(10))
async def test_facts_at_once_have_the_effect_of_one_after_another(desk: Desk, other: Desk, seed: int) -> None:
    offers, same = await asked(desk, 0, 4, capacity=2), await asked(other, 0, 4, capacity=2)
    given = [consent(number) for number in (*range(4), *range(1000, 1004))]
    for each in (desk, other):
        await each.hear(*given)
    facts = happenings(Random(seed), offers)
    assert offers == same

    at_once = of(Status, await desk.hear(*facts))
    one_by_one = [told for each in facts for told in of(Status, await other.hear(each))]

    assert at_once == one_by_one
    assert await state(desk) == await state(other)


async def test_the_first_answer_to_an_offer_counts_however_many_come_at_once(desk: Desk) -> None:
    [offer] = await asked(desk, 0, 1)

    yes, no, again = await answers(desk, [accepts(offer), declines(offer), accepts(offer)])

    assert (yes["state"], no, again) == ("accepted", Refused("accepted"), yes)
    assert len(of(MatchMade, await desk.hear())) == 1
