"""Somebody asks for a peer supporter themselves: by a form without JavaScript, and a page of their own."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.referrals import store
from services.referrals.rules.asked import STANDINGS, standing
from services.referrals.rules.journey import STATES, State
from shared import clock
from shared.events.referrals import (
    ConsentGiven,
    ConsentRevoked,
    ContactShared,
    CrisisRaised,
    ReferralAccepted,
    ReferralHeld,
    ReferralRefused,
)
from tests.referrals.browser import Browser, filled
from tests.referrals.makers import NOW, Desk
from tests.referrals.test_following import facts

ANA = {
    "first_name": "Ana",
    "birth_month": "5",
    "birth_day": "6",
    "birth_year": "1990",
    "site": "lakeside",
    "phone": "(212) 555-0123",
    "texts": "yes",
    "risk": "no",
    "note": "Somebody to go for a walk with",
    "meet": ["in_person", "video"],
    "when": "evening",
    "gender": "woman",
    "agree": "yes",
}


async def asked(desk: Desk, lang: str = "en", **changes: Any) -> Browser:
    """Ana, who sent the form."""
    browser = Browser(desk.http)
    await browser.open(f"/ask?lang={lang}")
    await browser.send(**(ANA | changes))
    return browser


async def kept(desk: Desk) -> list[store.Referral]:
    """Every referral in the store."""
    async with desk.service.database.reading() as db:
        listed = await store.listed(db, state=None, organisation=None, after=None, limit=100)
        return list((await store.by_ids(db, [each for each, _ in listed])).values())


async def test_who_fills_in_the_form_is_referred_as_by_anybody_else(desk: Desk) -> None:
    browser = await asked(desk)

    assert (browser.answer.status_code, browser.heading) == (201, "Thank you. We have it.")
    (accepted,) = await desk.said(ReferralAccepted)
    assert (accepted.organisation, accepted.site_id, accepted.zone) == ("agency", "lakeside", "America/Chicago")
    assert (accepted.urgency, accepted.age_band, accepted.part2) == ("routine", "adult", False)
    wished = accepted.preferences
    assert (wished.languages, wished.modalities, wished.gender) == (["en"], ["in_person", "video"], "woman")
    assert [(each.weekday, each.start, each.end) for each in wished.windows] == [
        (each, "17:00", "21:00") for each in range(5)
    ]
    (contact,) = await desk.said(ContactShared)
    assert [(each.channel, each.address) for each in contact.reaches] == [("sms", "+12125550123")]
    assert (contact.first_name, contact.language) == ("Ana", "en")
    (consent,) = await desk.said(ConsentGiven)
    assert (consent.recipients, consent.purposes, consent.part2) == (["supporter"], ["treatment"], False)
    assert (consent.scope, consent.signed_at) == ("asked for themselves: words asked-1, en", NOW)
    (referral,) = await kept(desk)
    assert referral.order.notes == [ANA["note"], "Leave no voice message on this phone."]
    assert referral.order.person.birth_date == date(1990, 5, 6)


async def test_a_page_of_their_own_follows_what_happens(desk: Desk) -> None:
    browser = await asked(desk)
    link = browser.link()
    (accepted,) = await desk.said(ReferralAccepted)
    heard = facts(accepted)
    told = []

    for each in ("waitlisted", "match", "series"):
        await desk.hear(heard[each])
        page = await browser.open(link)
        here = [step.text() for step in page.all("li") if "aria-current" in step.told]
        told.append((page.by_id("stands").text(), here))

    assert told == [
        ("We look for a person for you", ["We look for a person You are here."]),
        ("We found a person for you", ["We found a person You are here."]),
        ("Your first meeting is set", ["First meeting is set You are here."]),
    ]
    assert "Ana" not in browser.answer.text
    assert str(accepted.referral_id) not in browser.answer.text
    assert "555-0123" not in browser.answer.text


@pytest.mark.parametrize(
    "changes", [{"risk": "yes"}, {"note": "I want to kill myself"}, {"note": "Mi esposo me pega", "risk": "talk"}]
)
async def test_danger_is_paged_at_once_and_answered_with_emergency_words_and_a_time(
    desk: Desk, changes: dict[str, str]
) -> None:
    browser = await asked(desk, **changes)

    assert browser.answer.status_code == 201
    said = browser.page.one("main").text()
    assert "A person from our team will be in touch by 11:15 AM, Monday, March 2, 2026." in said
    assert "If you are in danger now call 911 ." in said
    assert "Warm line" not in browser.answer.text
    assert len(await desk.said(CrisisRaised)) == 1
    assert await desk.said(ReferralAccepted) == []
    (task,) = [each for each in await desk.work() if each.kind == "crisis"]
    assert task.due == NOW + timedelta(minutes=5)
    page = await browser.open(browser.link())
    assert page.by_id("stands").text() == "A person will talk with you"


@pytest.mark.parametrize(
    ("changes", "agreed"),
    [
        ({"agree": None, "birth_year": "19x0", "site": None}, False),
        ({"birth_year": "2012"}, False),
        ({"risk": None, "note": "x" * 3_000 + " I want to die."}, True),
    ],
)
async def test_danger_does_not_wait_until_the_rest_of_the_form_is_in_order(
    small: Desk, changes: dict[str, Any], agreed: bool
) -> None:
    browser = await asked(small, **({"risk": "yes"} | changes))

    assert "will be in touch by" in browser.page.one("main").text()
    assert len(await small.said(CrisisRaised)) == 1
    (referral,) = await kept(small)
    assert (referral.order.peer_support_consent, bool(referral.order.consents)) == (agreed, agreed)


@pytest.mark.parametrize("changes", [{"agree": None}, {"birth_year": "2012"}])
async def test_who_did_not_agree_or_is_not_of_age_goes_no_further_when_danger_is_cleared(
    small: Desk, changes: dict[str, Any]
) -> None:
    browser = await asked(small, risk="yes", **changes)
    (referral,) = await kept(small)
    found = {"by": "Kim Lee", "reason": "spoke with her", "outcome": "clear"}

    answer = await small.ask("POST", f"/referrals/{referral.referral_id}/screening", who="agency", json=found)
    page = await browser.open(browser.link())

    assert answer.json()["state"] == "refused"
    assert await small.said(ReferralAccepted) == await small.said(ContactShared) == []
    assert page.by_id("stands").text() == "We could not go on with this"


async def test_danger_without_a_way_to_reach_them_is_told_whom_to_call_now(small: Desk) -> None:
    browser = await asked(small, risk="yes", phone="12")

    assert browser.answer.status_code == 422
    assert "You may not be safe. Please call now." in browser.page.by_id("summary").text()
    assert await small.work() == []

    await browser.send(phone=ANA["phone"])

    assert len(await small.said(CrisisRaised)) == 1


async def test_whoever_would_rather_talk_is_held_until_a_person_asked(desk: Desk) -> None:
    browser = await asked(desk, risk="talk")

    assert "A person from our team will talk with you first." in browser.page.one("main").text()
    (held,) = await desk.said(ReferralHeld)
    assert held.state == "needs_screen"
    assert [each.kind for each in await desk.work()] == ["screening"]


async def test_who_is_not_of_age_is_told_where_to_turn_and_nothing_is_kept(desk: Desk) -> None:
    browser = await asked(desk, birth_year="2008", birth_month="3", birth_day="3")

    assert (browser.answer.status_code, browser.heading) == (422, "Please call us")
    assert "555-0100" in browser.page.one("main").text()
    assert "911" in browser.page.one("aside").text()
    assert await kept(desk) == []
    assert (await desk.figures())["referrals_refused"] == 1


async def test_who_is_not_of_age_learns_it_before_anything_else_is_asked_for(small: Desk) -> None:
    browser = await asked(small, birth_year="2012", phone=None, agree=None, risk=None)

    assert browser.heading == "Please call us"


async def test_who_turns_eighteen_today_may_ask(small: Desk) -> None:
    browser = await asked(small, birth_year="2008", birth_month="3", birth_day="2")

    assert browser.answer.status_code == 201


async def test_a_form_with_mistakes_comes_back_as_it_was_with_a_word_beside_each(small: Desk) -> None:
    wrong = {
        "first_name": "A" * 101,
        "birth_month": "2",
        "birth_day": "30",
        "site": None,
        "phone": "12",
        "email": "ana@",
        "risk": None,
        "note": "x" * 2_001,
        "agree": None,
    }
    browser = await asked(small, **wrong)

    assert browser.answer.status_code == 422
    assert browser.page.one("title").text() == "Please check · Alongside"
    fields = ("first_name", "birth", "site", "phone", "email", "risk", "note", "agree")
    summary = browser.page.by_id("summary")
    beside = [browser.page.by_id(f"{each}_problem").text().removeprefix("Please check: ") for each in fields]
    assert [each.text() for each in summary.all("a")] == beside
    targets = [browser.page.by_id(each.told["href"].removeprefix("#")) for each in summary.all("a")]
    assert all(each.name in ("input", "select", "textarea") for each in targets)
    shown = filled(browser.page.one("form"))
    expected = {name: each if isinstance(each, list) else [each] for name, each in (ANA | wrong).items() if each}
    assert {name: shown[name] for name in expected} == expected
    assert await kept(small) == []

    await browser.send(**{each: ANA.get(each) for each in wrong})

    assert browser.answer.status_code == 201


async def test_a_phone_that_may_not_be_texted_is_for_voice_and_an_address_is_enough(small: Desk) -> None:
    await asked(small, texts=None, messages="yes", email="ana@example.org")
    await asked(small, phone=None, email="ana@example.org")

    found = [[(each.channel, each.address) for each in one.reaches] for one in await small.said(ContactShared)]
    assert found == [
        [("voice", "+12125550123"), ("email", "ana@example.org")],
        [("email", "ana@example.org")],
    ]
    assert {str(each.order.notes) for each in await kept(small)} == {str([ANA["note"]])}


async def test_the_same_form_sent_twice_is_one_referral_and_one_answer(desk: Desk) -> None:
    browser = Browser(desk.http)
    page = await browser.open("/ask")
    first = (await browser.send(**ANA), browser.answer.status_code, browser.link())
    browser.page = page
    clock.step_to(NOW + timedelta(minutes=1))

    second = (await browser.send(**ANA), browser.answer.status_code, browser.link())

    assert (first[1], second[1]) == (201, 200)
    assert first[2] == second[2]
    assert first[0].one("main").text() == second[0].one("main").text()
    assert len(await kept(desk)) == len(await desk.said(ReferralAccepted)) == 1
    assert await desk.work() == []


async def test_a_form_that_is_corrected_after_it_was_sent_is_kept_with_the_correction(desk: Desk) -> None:
    browser = Browser(desk.http)
    page = await browser.open("/ask")
    links = []
    for number in (ANA["phone"], "212-555-0199", "212-555-0199"):
        browser.page = page
        await browser.send(**{**ANA, "phone": number})
        links.append(browser.link())

    reached = [[reach.address for reach in each.order.person.reaches] for each in await kept(desk)]
    assert sorted(each[0] for each in reached) == ["+12125550123", "+12125550199"]
    assert links[0] != links[1] == links[2]


async def test_two_forms_are_two_referrals_with_a_link_each(small: Desk) -> None:
    first, second = await asked(small), await asked(small)

    assert first.link() != second.link()
    assert len(await kept(small)) == 2


async def test_whoever_has_the_link_takes_it_back_with_every_consent(desk: Desk) -> None:
    browser = await asked(desk)
    await browser.open(browser.link())

    await browser.send()
    await desk.http.post(str(browser.answer.url).partition("?")[0] + "/take-back")

    assert browser.page.by_id("stands").text() == "You took this back"
    assert browser.page.all("form") == []
    (refused,) = await desk.said(ReferralRefused)
    (revoked,) = await desk.said(ConsentRevoked)
    (given,) = await desk.said(ConsentGiven)
    assert (refused.reason, revoked.consent_id) == ("withdrawn", given.consent_id)


async def test_who_takes_it_back_in_danger_is_still_called(desk: Desk) -> None:
    browser = await asked(desk, risk="yes")
    await browser.open(browser.link())

    await browser.send()

    assert "will still be in touch" in browser.page.one("main").text()
    assert [each.kind for each in await desk.work()] == ["crisis", "changed_referral"]


async def test_what_tells_of_substances_is_protected(small: Desk) -> None:
    await asked(small, note="I stopped drinking in May")

    (accepted,) = await small.said(ReferralAccepted)
    assert accepted.part2


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_words_and_danger_and_a_change_of_mind_come_first(state: State) -> None:
    said = [standing(state, "active", in_crisis=False), standing(state, "withdrawn", in_crisis=False)]
    said += [standing(state, "active", in_crisis=True), standing(state, "withdrawn", in_crisis=True)]

    back = "stopping" if state in ("matched", "first_scheduled", "engaged") else "taken_back"
    assert said == [STANDINGS[state], back, "call", "still_call"]


async def test_after_a_match_whoever_takes_it_back_is_talked_to(desk: Desk) -> None:
    browser = await asked(desk)
    (accepted,) = await desk.said(ReferralAccepted)
    await desk.hear(facts(accepted)["match"])
    await browser.open(browser.link())

    await browser.send()

    assert browser.page.by_id("stands").text() == "You want to stop"
    assert [each.kind for each in await desk.work()] == ["changed_referral"]
    assert len(await desk.said(ConsentRevoked)) == 1
    assert await desk.said(ReferralRefused) == []
