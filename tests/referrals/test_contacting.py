"""Whoever changed their number is written to at the new one alone, once somebody at the programme says so."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared import clock
from shared.events.referrals import ContactShared, ReferralAccepted
from tests.referrals.makers import NOW, Desk, patient, request
from tests.referrals.test_following import facts
from tests.referrals.test_identity import a_minute_later, find

OLD = ("sms", "+12125550123")
NEW: dict[str, Any] = {"by": "Kim Lee", "phone": "212-555-0188", "email": "ana@example.org"}
OTHER_SERVICE = {"coding": [{"system": "http://snomed.info/sct", "code": "183524004"}]}
REACHED_NOW = [("sms", "+12125550188"), ("email", "ana@example.org")]


async def reached(desk: Desk) -> list[list[tuple[str, str]]]:
    """How the notifications service was told that people are reached, in order."""
    return [[(each.channel, each.address) for each in told.reaches] for told in await desk.said(ContactShared)]


async def contact(desk: Desk, referral_id: str, body: dict[str, Any], who: str = "agency") -> Any:
    """What is answered to somebody who says how a person is reached now."""
    return await desk.ask("POST", f"/referrals/{referral_id}/contact", who=who, json=body)


async def test_the_old_number_is_forgotten_everywhere_when_there_is_a_new_one(desk: Desk) -> None:
    referral_id = await desk.referred(request())

    answer = await contact(desk, referral_id, NEW)

    assert answer.json() == {"referral_id": referral_id, "state": "accepted"}
    assert await reached(desk) == [[OLD], REACHED_NOW]
    record = (await desk.ask("GET", f"/referrals/{referral_id}", who="agency")).json()
    assert [(each["channel"], each["address"]) for each in record["reaches"]] == REACHED_NOW


async def test_a_number_that_may_not_be_texted_is_only_called(desk: Desk) -> None:
    referral_id = await desk.referred(request())

    await contact(desk, referral_id, {"by": "Kim Lee", "phone": "212-555-0188", "texts": False})

    assert await reached(desk) == [[OLD], [("voice", "+12125550188")]]


async def test_of_what_is_held_nobody_hears_before_it_is_accepted(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer=None))

    assert (await contact(desk, referral_id, NEW)).json()["state"] == "needs_screen"
    assert await reached(desk) == []
    looked = {"by": "Kim", "reason": "spoke with her", "outcome": "clear"}
    await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=looked)

    assert await reached(desk) == [REACHED_NOW]
    assert [each.learnt_at for each in await desk.said(ContactShared)] == [NOW]


async def test_a_number_that_was_missing_and_is_given_was_learnt_too(desk: Desk) -> None:
    referral_id = await desk.referred(request(contained=[patient(telecom=None)]))

    given = {"by": "Kim", "phone": "212-555-0188"}
    await desk.ask("POST", f"/referrals/{referral_id}/details", who="agency", json=given)

    assert [each.learnt_at for each in await desk.said(ContactShared)] == [NOW]


async def test_every_referral_of_the_person_goes_by_the_new_number(desk: Desk) -> None:
    first = await desk.referred(request())
    held = await desk.referred(request("R-2", answer=None))

    await contact(desk, first, NEW)
    looked = {"by": "Kim", "reason": "spoke with her", "outcome": "clear"}
    await desk.ask("POST", f"/referrals/{held}/screening", who="agency", json=looked)

    assert await reached(desk) == [[OLD], REACHED_NOW, REACHED_NOW]


async def test_of_another_record_of_the_same_human_being_somebody_is_asked(desk: Desk) -> None:
    mine, theirs = await desk.referred(request()), await desk.referred(request(), who="silent-centre")
    await find(desk, await desk.person(mine), await desk.person(theirs))

    await contact(desk, mine, NEW)

    told = [each for each in await desk.said(ContactShared) if each.learnt_at]
    assert [str(each.person_id) for each in told] == [await desk.person(mine)]
    (task,) = [each for each in await desk.work() if each.kind == "contact_elsewhere"]
    assert task.about == await desk.person(theirs)
    assert f"/people/{task.about}/identity" in (task.note or "")
    await contact(desk, theirs, NEW)
    assert "contact_elsewhere" not in [each.kind for each in await desk.work()]


async def test_what_is_asked_for_again_goes_by_the_new_number(desk: Desk) -> None:
    first, second = await desk.referred(request()), await desk.referred(request("R-2"))
    await desk.refer(request(status="revoked"))
    await contact(desk, second, NEW)

    await desk.refer(request())
    wanted = {"by": "Kim", "still_wanted": True}
    assert (await desk.ask("POST", f"/referrals/{first}/details", who="agency", json=wanted)).json()[
        "state"
    ] == "accepted"

    assert (await reached(desk))[-1] == REACHED_NOW


async def test_a_number_is_changed_after_the_visits_too_for_more_may_be_booked(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    (accepted,) = await desk.said(ReferralAccepted)
    said = facts(accepted)
    await desk.hear(*(said[each] for each in ("match", "series", "first", "ended")))

    assert (await contact(desk, referral_id, NEW)).json()["state"] == "completed"
    assert (await reached(desk))[-1] == REACHED_NOW


async def test_the_site_and_language_of_the_last_referral_count(desk: Desk) -> None:
    clock.step_to(NOW + timedelta(hours=1))
    second = await desk.referred(request("R-2", contained=[patient(communication=None)]))
    clock.step_to(NOW + timedelta(hours=2))
    first = await desk.referred(request())

    for each in (first, second):
        await contact(desk, each, NEW)

    assert [(each.site_id, each.language) for each in await desk.said(ContactShared)][2:] == [("main", "es")] * 2


async def test_another_who_has_the_new_number_already_is_compared(desk: Desk) -> None:
    who = {"identifier": [{"system": "urn:clinic:charts", "value": "77"}]}
    phone = [{"system": "phone", "value": "212-555-0188"}]
    other = request("C-1", contained=[patient(telecom=phone, **who)])
    mine, _ = await desk.referred(request()), await desk.referred(other, who="silent-centre")

    await contact(desk, mine, NEW)
    await a_minute_later(desk)

    assert "possible_duplicate" in [each.kind for each in await desk.work()]


async def test_the_timeline_says_that_it_changed_and_its_referrer_does_not_see_it(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    await contact(desk, referral_id, NEW)

    path = f"/referrals/{referral_id}/timeline"
    staff, theirs = [(await desk.ask("GET", path, who=each)).json() for each in ("agency", "general-hospital")]

    assert "contact_changed" in {each["what"] for each in staff}
    assert "contact_changed" not in {each["what"] for each in theirs}


async def test_nothing_changes_of_what_was_refused_lacks_more_or_is_unknown_or_a_test(desk: Desk) -> None:
    refused = await desk.referred(request(code=OTHER_SERVICE))
    lacks = await desk.referred(request("R-2", contained=[patient(birthDate=None)]))
    test = await desk.referred(request(), who="trial-hospital")

    answers = [await contact(desk, each, NEW) for each in (refused, lacks, test, str(uuid4()))]

    assert [each.status_code for each in answers] == [409, 409, 409, 404]
    assert await reached(desk) == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"by": "Kim"}, "body"),
        ({"by": "Kim", "phone": "12"}, "body.phone"),
        ({"by": "Kim", "email": "ana at home"}, "body.email"),
        ({"phone": "212-555-0188"}, "body.by"),
    ],
)
async def test_how_nobody_can_be_reached_is_refused_with_its_place(small: Desk, body: Any, where: str) -> None:
    referral_id = await small.referred(request())

    refused = await contact(small, referral_id, body)

    assert (refused.status_code, refused.json()["errors"][0]["where"]) == (422, where)
    assert await reached(small) == [[OLD]]


async def test_only_the_programme_says_how_somebody_is_reached(small: Desk) -> None:
    referral_id = await small.referred(request())

    assert (await contact(small, referral_id, NEW, who="general-hospital")).status_code == 403


async def test_visits_under_way_go_on_with_the_new_number(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    (accepted,) = await desk.said(ReferralAccepted)
    said = facts(accepted)
    await desk.hear(said["match"], said["series"])

    assert (await contact(desk, referral_id, NEW)).json()["state"] == "first_scheduled"
    assert (await reached(desk))[-1] == REACHED_NOW
