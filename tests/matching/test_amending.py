"""Who waits is served by what their referrer told last, on both databases."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from services.matching.store.tables import referrals
from shared.events.matching import MatchMade, OfferMade
from shared.events.referrals import ReferralAccepted, ReferralAmended
from tests.matching.desk import Desk, of
from tests.matching.journeys import answer, register
from tests.matching.makers import NOON, accepted
from tests.matching.test_linked import linked, offered, reviews

FIRST, LATER = NOON - timedelta(days=2), NOON - timedelta(days=1)


def amended(one: ReferralAccepted, **changes: Any) -> ReferralAmended:
    """What its referrer told later of a referral: that it is urgent, unless told otherwise."""
    known = {"referral_id": one.referral_id, "person_id": one.person_id, "urgency": "urgent", "part2": False}
    return ReferralAmended.model_validate(known | changes)


async def kept(desk: Desk, one: ReferralAccepted) -> tuple[str, bool]:
    """The urgency and the label that are kept of a referral."""
    wanted = select(referrals.c.urgency, referrals.c.part2).where(referrals.c.referral_id == one.referral_id)
    async with desk.database.reading() as db:
        row = (await db.execute(wanted)).one()
    return row.urgency, row.part2


async def first_on_the_list(desk: Desk) -> tuple[str, int]:
    """Who is helped first, and by how many points of urgency."""
    async with desk.client() as client:
        listed = (await client.get("/waiting")).json()
    return listed[0]["referral_id"], listed[0]["parts"]["urgency"]


async def test_who_became_urgent_goes_before_who_came_first(desk: Desk) -> None:
    await register(desk, capacity=0)
    one, other = accepted(arrived_at=FIRST), accepted(arrived_at=LATER)
    await desk.tell(one, other)

    said = await desk.tell(amended(other), amended(other))
    first = await first_on_the_list(desk)
    await register(desk, capacity=1)

    assert said == [] and first == (str(other.referral_id), 60)
    assert offered(desk.said) == [other.referral_id]


async def test_who_is_urgent_no_longer_waits_by_when_they_came(desk: Desk) -> None:
    await register(desk, capacity=0)
    one, other = accepted(arrived_at=FIRST), accepted(arrived_at=LATER, urgency="urgent")

    await desk.tell(one, other, amended(other), amended(other, urgency="routine"))
    await register(desk, capacity=1)

    assert offered(desk.said) == [one.referral_id]


async def test_what_is_told_while_somebody_is_asked_goes_with_the_match(desk: Desk) -> None:
    await register(desk)
    one = accepted()
    [offer] = of(OfferMade, await desk.tell(one))

    said = await desk.tell(amended(one))
    _, then = await answer(desk, offer, answer="accept")

    assert said == []
    assert [each.urgency for each in of(MatchMade, then)] == ["urgent"]


@pytest.mark.parametrize("together", [False, True], ids=["one after another", "together"])
async def test_a_label_is_kept_and_never_taken_off(desk: Desk, together: bool) -> None:
    one, other = accepted(), accepted()
    told = [one, other, amended(one, part2=True), amended(one, urgency="priority")]

    for facts in [told] if together else [[each] for each in told]:
        await desk.tell(*facts)

    assert [await kept(desk, each) for each in (one, other)] == [("priority", True), ("routine", False)]


async def test_an_amendment_of_a_referral_nobody_heard_of_changes_nothing(desk: Desk) -> None:
    one = accepted()
    await desk.tell(one)

    assert await desk.tell(amended(one, referral_id=uuid4())) == []
    assert await kept(desk, one) == ("routine", False)


async def test_of_one_human_beings_referrals_the_one_that_became_urgent_is_served_at_once(desk: Desk) -> None:
    await register(desk, capacity=0)
    await register(desk, languages=[{"code": "es", "level": "native"}])
    one = accepted(arrived_at=FIRST, preferences={"languages": ["en"]})
    other = accepted(arrived_at=LATER, preferences={"languages": ["es"]})
    assert offered(await desk.tell(linked(one, other), one, other)) == []

    said = await desk.tell(amended(other))

    assert offered(said) == [other.referral_id]
    assert str(one.referral_id) in await reviews(desk)
