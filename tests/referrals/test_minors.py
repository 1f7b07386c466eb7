"""Under age, somebody agrees alone only where the law of their state lets them; else a person asks a guardian."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.referrals.reading import OURS
from services.referrals.rules.minors import comes_of_age, party
from shared import clock
from shared.events.referrals import ConsentGiven, ReferralAccepted, ReferralHeld
from shared.programme import Programme
from tests.referrals.makers import NOW, SNOMED, Desk, coverage, extension, order, patient, person, request, risk
from tests.referrals.pipes import message
from tests.referrals.test_hl7_words import field
from tests.referrals.test_rules_of_consent import agree

BORN_15, BORN_13 = "2010-09-01", "2012-09-01"
ALCOHOL = [{"coding": [{"system": SNOMED, "code": "7200002"}]}]
AGREED = {"by": "Kim Lee", "guardian": {"name": "Rosa Example", "relationship": "mother", "agreed": True}}


def minor(born: str = BORN_15, *, site: str = "main", answer: str = "none", **changes: Any) -> dict[str, Any]:
    """A referral of somebody under age, to a site in New York (main), or in Alabama (lakeside)."""
    where = [risk(answer), extension("site", valueCode=site)]
    valid: dict[str, Any] = {"contained": [patient(birthDate=born)], "extension": where}
    return request(**valid | changes)


def programme(state: str | None, **minor_consent: dict[str, int]) -> Programme:
    """A programme with one site, in a state."""
    site = {"site_id": "main", "public_name": "Main", "phone": "555-0100", "state": state}
    return Programme.model_validate({"sites": {"main": site}, "organisations": {}, "minor_consent": minor_consent})


@pytest.mark.parametrize(
    ("state", "born", "part2", "who"),
    [
        ("CA", "2014-03-02", False, "self"),
        ("CA", "2014-03-03", False, "guardian"),
        ("CA", "2014-03-02", True, "self"),
        ("FL", "2013-03-02", False, "self"),
        ("FL", "2013-03-03", False, "guardian"),
        ("FL", "2013-03-02", True, "guardian"),
        ("AL", "2012-03-02", False, "self"),
        ("AL", "2012-03-03", False, "guardian"),
        ("NY", "2008-03-03", False, "guardian"),
        ("NY", "2008-03-02", False, "self"),
        (None, "2008-03-03", False, "guardian"),
        (None, "2008-03-02", True, "self"),
    ],
)
def test_who_agrees_stands_in_a_table_by_state_class_of_service_and_age(
    state: str | None, born: str, part2: bool, who: str
) -> None:
    asked = order(person=person(birth_date=born), part2=part2)

    assert party(asked, programme(state), programme(state).site("main"), NOW) == who


def test_what_counsel_writes_into_the_programme_goes_before_the_table() -> None:
    stricter = programme("CA", CA={"mental_health": 16})
    wider = programme("NY", NY={"mental_health": 15})
    fifteen = order(person=person(birth_date=BORN_15))

    assert party(fifteen, stricter, stricter.site("main"), NOW) == "guardian"
    assert party(fifteen, wider, wider.site("main"), NOW) == "self"


def test_somebody_comes_of_age_at_their_own_midnight() -> None:
    asked, here = order(person=person(birth_date="2008-03-02")), programme("NY")

    late_evening_before = datetime(2026, 3, 2, 4, 59, tzinfo=UTC)

    assert party(asked, here, here.site("main"), late_evening_before) == "guardian"
    assert party(asked, here, here.site("main"), late_evening_before + timedelta(minutes=1)) == "self"
    assert comes_of_age(date(2008, 2, 29), here.site("main")).date() == date(2026, 3, 1)


async def test_somebody_is_as_old_as_they_are_where_they_are_helped(desk: Desk) -> None:
    clock.step_to(datetime(2026, 3, 3, 4, 0, tzinfo=UTC))
    await desk.referred(minor(born="2008-03-03", site="lakeside"))

    (told,) = await desk.said(ReferralAccepted)

    assert told.age_band == "15-17"


async def test_a_minor_who_may_not_agree_alone_is_put_before_a_person_with_the_reason(desk: Desk) -> None:
    referral_id = await desk.referred(minor())

    task = await desk.task(referral_id)
    (asked,) = await desk.work()
    assert (asked.kind, asked.about, asked.owner) == ("missing_info", referral_id, "intake")
    assert "parent or guardian" in (asked.note or "")
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("on-hold", "needs_info")
    assert "parent or guardian" in task["statusReason"]["text"]
    assert await desk.said(ReferralAccepted) == []
    assert [each.state for each in await desk.said(ReferralHeld)] == ["needs_info"]


@pytest.mark.parametrize("way", ["fhir", "hl7v2", "ours"])
async def test_every_way_in_follows_the_same_table(small: Desk, way: str) -> None:
    if way == "fhir":
        await small.referred(minor())
    elif way == "hl7v2":
        await small.post_on_bus(message(PID=field("PID", 7, BORN_15.replace("-", ""))), media="application/hl7-v2")
    else:
        words = order(person=person(birth_date=BORN_15)).model_dump(mode="json", exclude_none=True)
        await small.post_on_bus(words, media=OURS)

    assert await small.said(ReferralAccepted) == []
    assert [each.kind for each in await small.work()] == ["missing_info"]


async def test_a_guardians_agreement_is_recorded_and_lets_the_referral_go_on(desk: Desk) -> None:
    referral_id = await desk.referred(minor())
    clock.step_to(NOW + timedelta(hours=2))

    answer = await desk.ask("POST", f"/referrals/{referral_id}/details", who="agency", json=AGREED)

    assert answer.json()["state"] == "accepted"
    (accepted,) = await desk.said(ReferralAccepted)
    assert (accepted.arrived_at, accepted.age_band) == (NOW, "15-17")
    entries = (await desk.ask("GET", f"/referrals/{referral_id}/timeline", who="agency")).json()
    assert "guardian_asked" in [each["what"] for each in entries]
    theirs = (await desk.ask("GET", f"/referrals/{referral_id}/timeline")).json()
    assert "guardian_asked" not in [each["what"] for each in theirs]


async def test_who_agreed_for_a_minor_is_sealed_in_the_store(desk: Desk) -> None:
    referral_id = await desk.referred(minor())
    await desk.ask("POST", f"/referrals/{referral_id}/details", who="agency", json=AGREED)

    async with desk.service.database.reading() as db:
        row = (await db.execute(text("select guardian from referrals"))).scalar_one()

    assert row and "Rosa" not in row and "mother" not in row


async def test_a_guardian_who_says_no_ends_the_referral(desk: Desk) -> None:
    referral_id = await desk.referred(minor())
    said_no = AGREED | {"guardian": {"name": "Rosa", "relationship": "mother", "agreed": False}}

    answer = await desk.ask("POST", f"/referrals/{referral_id}/details", who="agency", json=said_no)

    assert answer.json()["state"] == "refused"
    assert (await desk.task(referral_id))["status"] == "rejected"
    assert await desk.work() == []


async def test_other_details_do_not_stand_for_a_guardians_agreement(desk: Desk) -> None:
    referral_id = await desk.referred(minor())
    grown_up = await desk.referred(request("R-2", contained=[patient(telecom=None, identifier=None)]))
    details = {"by": "Kim Lee", "phone": "+1 212 555 0177"}

    still = await desk.ask("POST", f"/referrals/{referral_id}/details", who="agency", json=details)
    unasked = await desk.ask("POST", f"/referrals/{grown_up}/details", who="agency", json=AGREED)

    assert (still.json()["state"], unasked.status_code) == ("needs_info", 409)


async def test_a_birth_date_learnt_later_makes_somebody_ask_a_guardian(desk: Desk) -> None:
    referral_id = await desk.referred(minor(contained=[patient(birthDate=None)]))
    path = f"/referrals/{referral_id}/details"

    learnt = await desk.ask("POST", path, who="agency", json={"by": "Kim", "birth_date": BORN_15})
    agreed = await desk.ask("POST", path, who="agency", json=AGREED)

    assert (learnt.json()["state"], agreed.json()["state"]) == ("needs_info", "accepted")


async def test_a_minor_in_danger_is_paged_about_before_anybody_asks_who_agrees(desk: Desk) -> None:
    referral_id = await desk.referred(minor(answer="flagged"))
    assert [each.kind for each in await desk.work()] == ["crisis"]
    cleared = {"by": "Kim", "reason": "safe with an aunt", "outcome": "clear"}

    answer = await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=cleared)

    assert answer.json()["state"] == "needs_info"
    assert [each.kind for each in await desk.work()] == ["missing_info"]


async def test_a_minor_who_agrees_alone_is_taken_in_and_asked_anew_at_18(desk: Desk) -> None:
    await desk.referred(minor(site="lakeside"))

    assert [each.age_band for each in await desk.said(ReferralAccepted)] == ["15-17"]
    (task,) = await desk.work()
    assert (task.kind, task.due) == ("consent_at_18", datetime(2028, 9, 1, 5, tzinfo=UTC))
    assert "own consent" in (task.note or "")


async def test_substance_use_needs_an_age_of_its_own(desk: Desk) -> None:
    await desk.referred(minor(site="lakeside", reasonCode=ALCOHOL))

    assert await desk.said(ReferralAccepted) == []


async def test_no_agreement_tells_the_insurer_of_a_minor_who_agreed_alone(desk: Desk) -> None:
    alone = await desk.referred(minor(site="lakeside", contained=[patient(birthDate=BORN_15), coverage()]))
    assert [each.recipients for each in await desk.said(ConsentGiven)] == [["general-hospital"]]

    with_mother = minor(number="R-2", contained=[patient(birthDate=BORN_15, identifier=None), coverage()])
    other = await desk.referred(with_mother)
    await desk.ask("POST", f"/referrals/{other}/details", who="agency", json=AGREED)

    given = [(each.recipients, each.purposes) for each in await desk.said(ConsentGiven)][1:]
    assert given == [(["general-hospital"], ["treatment"]), (["garden-health"], ["payment"])]
    assert alone != other


async def test_only_the_minor_signs_where_they_may_and_never_alone_where_they_may_not(desk: Desk) -> None:
    alone = await desk.referred(minor(site="lakeside"))
    guarded = await desk.referred(minor(number="R-2", contained=[patient(birthDate=BORN_13, identifier=None)]))

    answers = {
        (name, by): (await agree(desk, one, signed_by=by, scope=f"{name} {by}")).status_code
        for name, one in (("alone", alone), ("guarded", guarded))
        for by in ("self", "guardian", "both")
    }

    assert answers == {
        ("alone", "self"): 201,
        ("alone", "guardian"): 422,
        ("alone", "both"): 201,
        ("guarded", "self"): 422,
        ("guarded", "guardian"): 201,
        ("guarded", "both"): 201,
    }


async def test_a_consent_for_a_minor_ends_no_later_than_they_come_of_age(desk: Desk) -> None:
    referral_id = await desk.referred(minor())

    await agree(desk, referral_id, signed_by="guardian")

    (consent,) = (await desk.account(referral_id))["consents"]
    assert consent["expires_at"] == "2028-09-01T04:00:00Z"
