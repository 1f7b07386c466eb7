"""One human being whom two organisations refer is offered one supporter, on both databases."""

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from shared.events.matching import MatchMade, OfferMade, ReferralWaitlisted
from shared.events.referrals import PersonLinked, ReferralAccepted, ReferralAmended, ReferralClosed
from shared.work import open_tasks
from tests.matching.desk import Desk, of
from tests.matching.journeys import answer, ended, register
from tests.matching.makers import NOON, accepted

FIRST, LATER = NOON - timedelta(days=2), NOON - timedelta(days=1)


def linked(one: ReferralAccepted, other: ReferralAccepted) -> PersonLinked:
    """That the people of two referrals are one human being."""
    ids = sorted((one.person_id, other.person_id))
    return PersonLinked(person_id=ids[1], same_as=ids[0], found_at=NOON)


def alone(link: PersonLinked) -> PersonLinked:
    """That they are not, after all."""
    return link.model_copy(update={"same_as": link.person_id})


async def reviews(desk: Desk) -> dict[str, str | None]:
    """What somebody is asked to look at, by referral."""
    async with desk.database.reading() as db:
        return {each.about: each.note for each in await open_tasks(db) if each.kind == "match_review"}


def offered(said: list[Any]) -> list[UUID]:
    """The referrals for which somebody was asked."""
    return [each.referral_id for each in of(OfferMade, said)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_one_of_two_referrals_of_one_human_being_is_served(desk: Desk, order: tuple[int, ...]) -> None:
    await register(desk, capacity=0)
    one, other = accepted(arrived_at=FIRST), accepted(arrived_at=LATER)
    facts = [one, other, linked(one, other)]
    for each in order:
        await desk.tell(facts[each])

    await register(desk, capacity=5)
    await register(desk, capacity=5)

    assert offered(desk.said) == [one.referral_id]
    note = (await reviews(desk))[str(other.referral_id)]
    assert note and str(one.referral_id) in note


async def test_referrals_that_come_together_are_not_both_served(desk: Desk) -> None:
    await register(desk, capacity=5)
    await register(desk, capacity=5)
    one, other = accepted(arrived_at=FIRST), accepted(arrived_at=LATER)

    said = await desk.tell(linked(one, other), one, other)

    assert offered(said) == [one.referral_id]


NO_FIT = {"preferences": {"languages": ["ja"]}}


@pytest.mark.parametrize("together", [False, True], ids=["it waits already", "both come together"])
async def test_one_for_whom_nobody_fits_keeps_no_urgent_one_from_being_served(desk: Desk, together: bool) -> None:
    await register(desk, capacity=5)
    one, other = accepted(arrived_at=FIRST, **NO_FIT), accepted(arrived_at=LATER, urgency="urgent")
    link = linked(one, other)

    for facts in [(link, one, other)] if together else [(link,), (one,), (other,)]:
        await desk.tell(*facts)

    assert offered(desk.said) == [other.referral_id]


@pytest.mark.parametrize("urgency", ["routine", "urgent"])
async def test_when_somebody_comes_who_fits_the_one_that_nobody_fitted_it_is_served(desk: Desk, urgency: str) -> None:
    one, other = accepted(arrived_at=FIRST), accepted(arrived_at=LATER, urgency=urgency, **NO_FIT)
    await desk.tell(linked(one, other), one, other)

    await register(desk, capacity=5)

    assert offered(desk.said) == [one.referral_id]


async def test_the_more_urgent_of_two_that_wait_goes_before_the_one_that_came_first(desk: Desk) -> None:
    await register(desk, capacity=0)
    one, other = accepted(arrived_at=FIRST), accepted(arrived_at=LATER, urgency="urgent")
    await desk.tell(linked(one, other), one, other)

    await register(desk, capacity=5)

    assert offered(desk.said) == [other.referral_id]


async def waits(desk: Desk) -> dict[str, str | None]:
    """Why each of those who wait does."""
    async with desk.client() as client:
        return {each["referral_id"]: each["because"] for each in (await client.get("/waiting")).json()}


async def test_the_list_tells_why_each_waits_and_says_when_that_changes(desk: Desk) -> None:
    await register(desk, capacity=0)
    one, other = accepted(arrived_at=FIRST), accepted(arrived_at=LATER, **NO_FIT)
    said = await desk.tell(linked(one, other), one, other)
    before = await waits(desk)
    ids = {"referral_id": one.referral_id, "person_id": one.person_id}

    await desk.tell(ReferralClosed(**ids, reason="transferred"))
    await register(desk, capacity=5)

    assert before == {str(one.referral_id): "no_room", str(other.referral_id): "another_served"}
    assert [each.reason for each in of(ReferralWaitlisted, said)] == ["no_room", "no_room"]
    assert await waits(desk) == {str(other.referral_id): "no_fit"}
    assert len(of(ReferralWaitlisted, desk.said)) == 2


async def test_who_waits_for_another_goes_first_when_they_become_urgent(desk: Desk) -> None:
    await register(desk, capacity=0)
    one, other = accepted(arrived_at=FIRST), accepted(arrived_at=LATER)
    await desk.tell(linked(one, other), one, other)
    urgent = {"referral_id": other.referral_id, "person_id": other.person_id, "urgency": "urgent", "part2": False}
    await desk.tell(ReferralAmended.model_validate(urgent))

    note = (await reviews(desk))[str(one.referral_id)]
    await register(desk, capacity=5)

    assert note and str(other.referral_id) in note
    assert offered(desk.said) == [other.referral_id]


async def test_somebody_looks_where_both_are_asked_for_already(desk: Desk) -> None:
    await register(desk, capacity=5)
    await register(desk, capacity=5)
    one, other = accepted(arrived_at=FIRST), accepted(arrived_at=LATER)
    assert len(offered(await desk.tell(one, other))) == 2

    said = await desk.tell(linked(one, other), linked(one, other))

    assert said == [] and list(await reviews(desk)) == [str(other.referral_id)]


async def test_the_other_is_served_when_the_first_is_closed_or_the_link_was_wrong(desk: Desk) -> None:
    await register(desk, capacity=5)
    await register(desk, capacity=5)
    people = [accepted(arrived_at=FIRST + timedelta(hours=each)) for each in range(4)]
    links = [linked(*people[:2]), linked(*people[2:])]
    await desk.tell(*links, *people)
    ids = {"referral_id": people[0].referral_id, "person_id": people[0].person_id}

    closed = await desk.tell(ReferralClosed(**ids, reason="transferred"))
    apart = await desk.tell(alone(links[1]))

    assert offered(closed) == [people[1].referral_id]
    assert offered(apart) == [people[3].referral_id]


async def test_a_supporter_who_excludes_somebody_excludes_them_by_every_referral(desk: Desk) -> None:
    one, other = accepted(), accepted()
    await register(desk, exclusions=[str(one.person_id)])

    said = await desk.tell(linked(one, other), other)

    assert offered(said) == []


async def test_nobody_is_given_again_whom_they_walked_with_by_another_referral(desk: Desk) -> None:
    await register(desk)
    one, other = accepted(), accepted()
    [offer] = of(OfferMade, await desk.tell(one))
    _, said = await answer(desk, offer, answer="accept")
    await desk.tell(ended(of(MatchMade, said)[0]))

    said = await desk.tell(linked(one, other), other)

    assert offered(said) == []
