"""Who must not be asked, who comes back, and what gives room: the turns a journey can take."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.clock import now
from shared.events.matching import (
    MatchMade,
    OfferExpired,
    OfferMade,
    ReferralWaitlisted,
    SupporterRegistered,
)
from shared.events.referrals import (
    ConsentGiven,
    ConsentRevoked,
    ReferralClosed,
    ReferralHeld,
    ReferralLinked,
    ReferralRefused,
)
from tests.matching.desk import Desk, of
from tests.matching.journeys import answer, ended, register
from tests.matching.makers import NOON, accepted


async def test_a_crisis_takes_the_offer_back_and_clearing_it_makes_a_new_one(desk: Desk) -> None:
    await register(desk)
    referral = accepted()
    [offer] = of(OfferMade, await desk.tell(referral))
    held = ReferralHeld(
        referral_id=referral.referral_id, person_id=referral.person_id, site_id="north", state="crisis_review"
    )

    said = await desk.tell(held)
    answered, _ = await answer(desk, offer, answer="accept")
    assert (of(OfferMade, said), answered.status_code) == ([], 409)
    assert of(OfferExpired, await desk.ring(offer.answer_by)) == []

    [again] = of(OfferMade, await desk.tell(referral))
    assert again.supporter_id == offer.supporter_id
    assert again.offer_id != offer.offer_id


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        (ReferralRefused, {"reason": "entered_in_error"}),
        (ReferralClosed, {"reason": "unreachable"}),
        (ReferralLinked, {}),
    ],
)
async def test_a_referral_that_is_refused_closed_or_linked_elsewhere_gives_its_room_to_the_next(
    desk: Desk, ends: type[ReferralRefused] | type[ReferralClosed] | type[ReferralLinked], why: dict[str, str]
) -> None:
    await register(desk)
    first, second = accepted(), accepted(arrived_at=NOON + timedelta(minutes=1))
    await desk.tell(first)
    await desk.tell(second)

    ids = {"referral_id": str(first.referral_id), "person_id": str(first.person_id)}
    said = await desk.tell(ends.model_validate(ids | why))

    assert of(OfferMade, said)[0].referral_id == second.referral_id


def consent(person_id: UUID, recipients: list[str]) -> ConsentGiven:
    return ConsentGiven(
        consent_id=uuid4(),
        person_id=person_id,
        discloser="hospital",
        recipients=recipients,
        purposes=["treatment"],
        part2=True,
        signed_at=NOON - timedelta(days=1),
    )


async def test_taking_back_the_consent_to_tell_supporters_ends_the_search_and_another_consent_does_not(
    desk: Desk,
) -> None:
    await register(desk, capacity=5)
    one, other = accepted(), accepted()
    ours, payers = consent(one.person_id, ["supporter"]), consent(other.person_id, ["payer"])
    await desk.tell(ours, payers, one, other)

    for each in (ours, payers):
        revoked = ConsentRevoked(consent_id=each.consent_id, person_id=each.person_id, revoked_at=now())
        await desk.tell(revoked)

    async with desk.client() as client:
        left = (await client.get("/offers", params={"state": "open"})).json()
    assert [each["referral_id"] for each in left] == [str(other.referral_id)]
    assert "consent_revoked" in await desk.tasks()


async def test_somebody_a_supporter_excludes_is_never_offered_to_them(desk: Desk) -> None:
    referral = accepted()
    await register(desk, exclusions=[str(referral.person_id)])

    said = await desk.tell(referral)

    assert (of(OfferMade, said), of(ReferralWaitlisted, said)[0].reason) == ([], "no_fit")


async def test_a_second_match_of_a_person_is_never_with_the_same_supporter(desk: Desk) -> None:
    await register(desk)
    first = accepted()
    [offer] = of(OfferMade, await desk.tell(first))
    _, said = await answer(desk, offer, answer="accept")
    await desk.tell(ended(of(MatchMade, said)[0]))

    said = await desk.tell(accepted(person_id=first.person_id))

    assert of(OfferMade, said) == []


async def test_a_person_counts_more_while_new_and_the_room_that_comes_after_four_weeks_is_offered(desk: Desk) -> None:
    await register(desk, capacity=2.5)
    people = [accepted(arrived_at=NOON + timedelta(minutes=each)) for each in range(3)]
    offers = of(OfferMade, await desk.tell(*people))
    assert len(offers) == 2
    for each in offers:
        await answer(desk, each, answer="accept")

    said = await desk.ring(NOON + timedelta(days=28))

    assert [each.referral_id for each in of(OfferMade, said)] == [people[2].referral_id]


async def test_a_supporter_who_comes_back_from_leave_serves_who_waits(desk: Desk) -> None:
    supporter_id = await register(desk, paused=True)
    await desk.tell(accepted())
    before = len(desk.said)

    await register(desk, supporter_id=supporter_id, paused=False)

    said = desk.said[before:]
    assert of(SupporterRegistered, said)[0].active
    assert of(OfferMade, said)[0].supporter_id == supporter_id


async def test_hearing_everything_twice_changes_nothing(desk: Desk) -> None:
    await register(desk)
    referral = accepted()
    first = await desk.tell(referral)

    second = await desk.tell(referral)

    assert (len(of(OfferMade, first)), second) == (1, [])
