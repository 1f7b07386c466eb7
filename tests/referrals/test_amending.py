"""What a referrer tells later of a referral that was accepted is told to the services that go by it."""

from datetime import date
from typing import Any

import pytest

from services.referrals.rules.amending import is_news
from services.referrals.rules.clock import BOOK_WITHIN
from services.referrals.rules.journey import HELD, OVER, STATES, State
from shared import clock
from shared.calendar import add_business_days
from shared.events.referrals import ReferralAccepted, ReferralAmended, ReferralRefused
from tests.referrals.makers import NOW, Desk, order, request
from tests.referrals.test_clocks import SITE, acts
from tests.referrals.test_discharges import DAY, TODAY, leaving
from tests.referrals.test_following import facts
from tests.referrals.test_rules_of_consent import ALCOHOL, LABEL

CLEARED = {"by": "Kim", "reason": "looked", "outcome": "clear"}


async def amended(desk: Desk) -> list[tuple[str, bool]]:
    """The urgency and the label of every amendment that was said, in order."""
    return [(each.urgency, each.part2) for each in await desk.said(ReferralAmended)]


@pytest.mark.parametrize("state", STATES)
def test_a_label_is_news_of_whatever_was_accepted_and_a_day_of_what_goes_on(state: State) -> None:
    before = order()
    labelled, moved = order(part2=True), order(discharged_on=date(2026, 3, 3))

    news = [is_news(before, after, state, booked=True) for after in (labelled, moved, before)]

    assert news == [state not in HELD, state not in (*HELD, *OVER), False]


@pytest.mark.parametrize("state", OVER)
def test_of_what_is_over_a_label_is_news_only_where_there_were_visits(state: State) -> None:
    assert is_news(order(), order(part2=True), state, booked=False) == (state == "completed")


def test_a_day_is_no_news_of_who_is_urgent_by_the_referrers_word() -> None:
    urgent = order(urgency="urgent")
    moved = urgent.model_copy(update={"discharged_on": date(2026, 3, 3)})

    assert not is_news(urgent, moved, "accepted", booked=False)


async def test_a_day_of_discharge_that_is_told_later_or_moves_is_told_to_other_services(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    (accepted,) = await desk.said(ReferralAccepted)

    for day in (TODAY + DAY, TODAY + DAY, TODAY + 20 * DAY):
        await desk.refer(leaving(day))
    await desk.refer(request())

    said = await desk.said(ReferralAmended)
    assert accepted.urgency == "routine"
    assert [(each.urgency, each.part2) for each in said] == [("urgent", False), ("routine", False)]
    assert {str(each.referral_id) for each in said} == {referral_id}
    assert {each.key() for each in said} == {accepted.key()}


async def test_who_leaves_long_after_they_were_referred_is_urgent_when_the_day_is_told(desk: Desk) -> None:
    await desk.referred(request())
    clock.step_to(NOW + 12 * DAY)

    await desk.refer(leaving(TODAY + 12 * DAY))

    assert await amended(desk) == [("urgent", False)]


@pytest.mark.parametrize("later", [{"meta": {"security": LABEL}}, {"reasonCode": ALCOHOL}])
async def test_a_label_that_comes_later_is_told_to_other_services_once(desk: Desk, later: dict[str, Any]) -> None:
    await desk.referred(request())

    await desk.refer(request(**later))
    await desk.refer(request())
    await desk.refer(request(**later))

    assert await amended(desk) == [("routine", True)]


async def test_a_label_is_told_with_every_amendment_after_it(small: Desk) -> None:
    await small.referred(request())

    await small.refer(request(meta={"security": LABEL}))
    await small.refer(leaving(TODAY + DAY))

    assert await amended(small) == [("routine", True), ("urgent", True)]


async def test_what_is_posted_on_the_bus_is_told_in_the_order_in_which_it_came(small: Desk) -> None:
    for body in (request(), leaving(TODAY + DAY), request(status="revoked")):
        await small.post_on_bus(body, media="application/fhir+json")

    said = await small.said(ReferralAccepted, ReferralAmended, ReferralRefused)

    assert [type(each) for each in said] == [ReferralAccepted, ReferralAmended, ReferralRefused]


async def test_of_what_is_held_only_its_acceptance_tells_the_newest(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer=None))
    clock.step_to(NOW + 12 * DAY)
    told = leaving(TODAY + 12 * DAY, meta={"security": LABEL})
    await desk.refer(told | {"extension": told["extension"][1:]})
    before = await desk.said(ReferralAccepted, ReferralAmended)

    await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=CLEARED)

    (accepted,) = await desk.said(ReferralAccepted)
    assert before == await desk.said(ReferralAmended) == []
    assert (accepted.urgency, accepted.part2) == ("urgent", True)


async def test_a_label_that_comes_when_the_visits_are_over_still_reaches_who_tells_of_them(desk: Desk) -> None:
    await desk.referred(request())
    said = facts((await desk.said(ReferralAccepted))[0])
    await desk.hear(*(said[each] for each in ("match", "series", "first", "ended")))

    await desk.refer(leaving(TODAY + DAY))
    await desk.refer(leaving(TODAY + DAY, meta={"security": LABEL}))

    assert [each[1] for each in await amended(desk)] == [True]


async def test_other_services_hear_nothing_later_of_who_was_never_accepted(small: Desk) -> None:
    other = {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "229070002"}]}}
    await small.referred(request(**other))
    await small.referred(request("R-2"), who="trial-hospital")

    await small.refer(leaving(TODAY + DAY, **other, meta={"security": LABEL}))
    await small.refer(leaving(TODAY + DAY, "R-2", meta={"security": LABEL}), who="trial-hospital")

    assert await amended(small) == []


async def test_how_soon_somebody_is_helped_changes_only_with_the_day_and_the_clock_goes_by_the_same(desk: Desk) -> None:
    referral_id = await desk.referred(leaving(TODAY + 10 * DAY))
    clock.step_to(NOW + 5 * DAY)
    said = facts((await desk.said(ReferralAccepted))[0])

    await desk.refer(leaving(TODAY + 10 * DAY, meta={"security": LABEL}))
    await desk.hear(said["match"])

    assert await amended(desk) == [("routine", True)]
    assert (await acts(desk, referral_id))[2] == add_business_days(SITE, clock.now(), BOOK_WITHIN["routine"])
