"""One person's way through matching, from the accepted referral to the place that frees for the next."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.clock import now
from shared.database import Database
from shared.events.matching import (
    BridgeOffered,
    MatchMade,
    OfferDeclined,
    OfferExpired,
    OfferMade,
    ReferralWaitlisted,
    RoomFreed,
    SupporterRegistered,
)
from shared.events.referrals import ConsentGiven, ConsentRevoked, PersonLinked, ReferralHeld, ReferralRefused
from shared.events.scheduling import SeriesEnded
from tests.matching.desk import Desk, of
from tests.matching.makers import NOON, accepted, told


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await Desk.open(database)


async def register(desk: Desk, **changes: Any) -> UUID:
    supporter_id = changes.pop("supporter_id", None) or uuid4()
    async with desk.client() as client:
        answered = await client.put(f"/supporters/{supporter_id}", json=told(**changes))
    assert answered.status_code in (200, 201), answered.text
    await desk.settle()
    return UUID(str(supporter_id))


async def offering(desk: Desk, **changes: Any) -> None:
    plain = {"kind": "warm_line", "site_id": "north", "internal_name": "Evening line", "public_label": "Evening phone"}
    async with desk.client() as client:
        answered = await client.put(f"/offerings/{uuid4()}", json={**plain, **changes})
    assert answered.status_code == 201, answered.text


async def answer(desk: Desk, offer: OfferMade, **body: Any) -> Any:
    before = len(desk.said)
    async with desk.client() as client:
        answered = await client.post(f"/offers/{offer.offer_id}/answer", json=body)
    await desk.settle()
    return answered, desk.said[before:]


def ended(match: MatchMade) -> SeriesEnded:
    return SeriesEnded(
        series_id=uuid4(),
        match_id=match.match_id,
        referral_id=match.referral_id,
        person_id=match.person_id,
        supporter_id=match.supporter_id,
        kept=12,
        missed=0,
        cancelled=0,
    )


async def test_carries_a_person_from_referral_over_a_decline_to_a_match_and_serves_the_next_when_it_ends(
    desk: Desk,
) -> None:
    await offering(desk)
    supporters = {await register(desk), await register(desk)}
    first, second, third = accepted(), accepted(), accepted()

    [offer] = of(OfferMade, await desk.tell(first))
    answered, said = await answer(desk, offer, answer="decline", code="time")
    assert answered.json()["state"] == "declined"
    assert of(OfferDeclined, said)[0].code == "time"
    [again] = of(OfferMade, said)
    assert {offer.supporter_id, again.supporter_id} == supporters

    answered, said = await answer(desk, again, answer="accept", by="Jordan")
    [match] = of(MatchMade, said)
    assert answered.json()["match_id"] == str(match.match_id)
    assert (match.referral_id, match.supporter_id) == (first.referral_id, again.supporter_id)
    assert len(match.slots) >= 12

    said = await desk.tell(second)
    [offered] = of(OfferMade, said)
    answered, said = await answer(desk, offered, answer="accept")
    said = await desk.tell(third)
    assert of(ReferralWaitlisted, said)[0].reason == "no_room"
    assert of(BridgeOffered, said)[0].public_label == "Evening phone"

    said = await desk.tell(ended(match))
    assert of(RoomFreed, said)[0].supporter_id == match.supporter_id
    [served] = of(OfferMade, said)
    assert (served.referral_id, served.supporter_id) == (third.referral_id, match.supporter_id)


async def test_asks_the_next_when_nobody_answers_and_puts_a_task_before_a_person_after_the_third(desk: Desk) -> None:
    for _ in range(3):
        await register(desk)
    [offer] = of(OfferMade, await desk.tell(accepted()))

    asked = [offer.supporter_id]
    for _ in range(2):
        said = await desk.ring(offer.answer_by)
        assert of(OfferExpired, said)[0].offer_id == offer.offer_id
        [offer] = of(OfferMade, said)
        asked.append(offer.supporter_id)
    said = await desk.ring(offer.answer_by)

    assert len(set(asked)) == 3
    assert of(ReferralWaitlisted, said)[0].reason == "offers_exhausted"
    assert set(await desk.tasks()) == {"offers_exhausted", "bridge_missing"}

    said = [each for each in desk.said if isinstance(each, OfferMade)]
    before = len(said)
    newcomer = await register(desk)
    assert of(OfferMade, desk.said)[before:][0].supporter_id == newcomer


async def test_gives_a_routine_offer_twenty_four_business_hours_and_an_urgent_one_a_single_hour(desk: Desk) -> None:
    await register(desk, capacity=5)

    routine, urgent = of(OfferMade, await desk.tell(accepted(), accepted(urgency="urgent")))
    if routine.answer_by < urgent.answer_by:
        routine, urgent = urgent, routine

    assert urgent.answer_by == NOON + timedelta(hours=1)
    assert routine.answer_by == NOON + timedelta(days=3)


async def test_an_accepted_offer_does_not_run_out_and_the_same_yes_is_answered_the_same(desk: Desk) -> None:
    await register(desk)
    [offer] = of(OfferMade, await desk.tell(accepted()))

    first, said = await answer(desk, offer, answer="accept")
    second, more = await answer(desk, offer, answer="accept")
    later = await desk.ring(offer.answer_by)

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert (len(of(MatchMade, said)), len(of(MatchMade, more)), of(OfferExpired, later)) == (1, 0, [])


async def test_a_late_yes_is_refused_with_what_to_do(desk: Desk) -> None:
    await register(desk)
    [offer] = of(OfferMade, await desk.tell(accepted()))
    await desk.ring(offer.answer_by)

    answered, said = await answer(desk, offer, answer="accept")

    assert (answered.status_code, said) == (409, [])
    assert answered.json()["errors"][0]["remedy"].startswith("it ran out")


async def test_somebody_who_waits_is_told_once_until_an_offer_ends_the_spell(desk: Desk) -> None:
    said = await desk.tell(accepted())
    assert len(of(ReferralWaitlisted, said)) == 1

    said = await desk.tell(accepted())
    assert len(of(ReferralWaitlisted, said)) == 1


async def test_a_site_without_anything_open_gives_a_person_at_the_programme_a_task(desk: Desk) -> None:
    await offering(desk, kind="group", public_label="Tuesday circle")

    said = await desk.tell(accepted())

    assert of(BridgeOffered, said) == []
    assert "bridge_missing" in await desk.tasks()


async def test_what_opens_later_is_offered_to_those_who_wait_with_nothing(desk: Desk) -> None:
    referral = accepted()
    await desk.tell(referral)

    await offering(desk)
    await desk.settle()

    assert [each.referral_id for each in of(BridgeOffered, desk.said)] == [referral.referral_id]
    assert "bridge_missing" not in await desk.tasks()


async def test_a_minor_is_not_sent_to_an_online_community_for_adults(desk: Desk) -> None:
    await offering(desk, kind="online_community", public_label="The board")
    await offering(desk, kind="drop_in", public_label="Main Street", ages=["15-17"])

    said = await desk.tell(accepted(age_band="15-17"))

    assert [each.public_label for each in of(BridgeOffered, said)] == ["Main Street"]


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


async def test_a_refused_referral_gives_its_room_to_the_next(desk: Desk) -> None:
    await register(desk)
    first, second = accepted(), accepted(arrived_at=NOON + timedelta(minutes=1))
    await desk.tell(first)
    await desk.tell(second)

    refused = ReferralRefused(referral_id=first.referral_id, person_id=first.person_id, reason="entered_in_error")
    said = await desk.tell(refused)

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


async def test_somebody_a_supporter_excludes_is_never_offered_to_them_under_any_id(desk: Desk) -> None:
    referral, known_as = accepted(), uuid4()
    await register(desk, exclusions=[str(known_as)])
    await desk.tell(PersonLinked(person_id=referral.person_id, same_as=known_as))

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
