"""One person's way through matching, from the accepted referral to the place that frees for the next."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import update

from services.matching.store.tables import matches
from shared.events.matching import (
    BridgeOffered,
    MatchMade,
    OfferDeclined,
    OfferExpired,
    OfferMade,
    ReferralWaitlisted,
    RoomFreed,
)
from tests.matching.desk import Desk, of
from tests.matching.journeys import answer, ended, offering, register
from tests.matching.makers import NOON, accepted


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


async def test_who_comes_back_after_their_visits_had_ended_is_offered_somebody_else(desk: Desk) -> None:
    await register(desk)
    one = accepted()
    _, said = await answer(desk, of(OfferMade, await desk.tell(one))[0], answer="accept")
    other = await register(desk)
    await desk.tell(ended(of(MatchMade, said)[0]))

    [again] = of(OfferMade, await desk.tell(one))

    assert (again.referral_id, again.supporter_id) == (one.referral_id, other)


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


async def test_a_yes_that_an_older_version_matched_is_answered_with_its_match(desk: Desk) -> None:
    await register(desk)
    [offer] = of(OfferMade, await desk.tell(accepted()))
    await answer(desk, offer, answer="accept")
    older = uuid4()
    async with desk.database.transaction() as db:
        await db.execute(update(matches).values(match_id=older))

    again, _ = await answer(desk, offer, answer="accept")

    assert again.json()["match_id"] == str(older)


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
