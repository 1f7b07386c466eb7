"""People are pointed to what others run, by neutral labels; `linked` is all that is known of it, and it is no visit."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from services.referrals import store
from shared import clock
from shared.events.referrals import ReferralAccepted, ReferralClosed, ReferralLinked
from tests.referrals.browser import Browser
from tests.referrals.makers import NOW, Desk, consent, coverage, patient, request
from tests.referrals.test_asking import asked, kept
from tests.referrals.test_clocks import record
from tests.referrals.test_directory import ONLINE, PLAIN, listed, put, shipped
from tests.referrals.test_directory_rules import GROUP
from tests.referrals.test_following import facts, told_of

TELLING = re.compile(r"alcohol|narcotic|\bAA\b|aa\.org|na\.org|nami|sober|recover|substance", re.IGNORECASE)


async def point(desk: Desk, referral_id: Any, entry_id: str, *, who: str = "agency") -> httpx.Response:
    """This will point the person of a referral to an entry."""
    body = {"by": "Kim Lee", "entry_id": entry_id}
    return await desk.ask("POST", f"/referrals/{referral_id}/pointers", who=who, json=body)


async def pointed(desk: Desk, lang: str = "en") -> tuple[Browser, str, dict[str, Any]]:
    """Ana on her own page, who was pointed to a meeting; her referral's id, and the pointer."""
    browser = await asked(desk, lang)
    link = browser.link()
    (referral,) = await kept(desk)
    answer = await point(desk, referral.referral_id, await shipped(desk, "Alcoholics"))
    assert answer.status_code == 201, answer.text
    await browser.open(link)
    return browser, str(referral.referral_id), answer.json()


async def close(desk: Desk, referral_id: str, reason: str = "linked") -> httpx.Response:
    """This will close a referral for a reason."""
    body = {"by": "Kim", "reason": reason}
    return await desk.ask("POST", f"/referrals/{referral_id}/closure", who="agency", json=body)


async def timeline(desk: Desk, referral_id: str, who: str = "agency") -> list[str]:
    """What a referral's timeline says."""
    answer = await desk.ask("GET", f"/referrals/{referral_id}/timeline", who=who)
    return [each["what"] for each in answer.json()]


def way_on(browser: Browser) -> str:
    """The first link on a page that leads to what somebody was pointed to."""
    return next(each.told["href"] for each in browser.page.all("a") if each.told["href"].startswith("/ask/to/"))


async def test_staff_point_a_person_to_an_entry_once_and_the_timeline_shows_it(desk: Desk) -> None:
    _, referral_id, first = await pointed(desk)

    again = await point(desk, referral_id, first["entry_id"])

    assert (again.status_code, again.json()) == (200, first)
    assert (first["name"], first["label"]) == ("Alcoholics Anonymous", "The blue list of meetings")
    assert (first["status"], first["part2"], first["by"], first["said"]) == ("pointed", True, "Kim Lee", None)
    assert (await timeline(desk, referral_id)).count("pointed") == 1
    assert (await record(desk, referral_id))["pointers"] == [first]


async def test_their_own_page_shows_it_by_its_neutral_label_alone(desk: Desk) -> None:
    browser, _, _ = await pointed(desk)

    section = next(each for each in browser.page.all("section") if each.told.get("class") == "elsewhere")
    assert "The blue list of meetings" in section.text()
    assert "You can speak: English, Spanish" in section.text()
    assert not TELLING.search(browser.answer.text)
    await browser.open(str(browser.answer.url).partition("?")[0] + "?lang=es")
    assert "La lista azul de reuniones" in browser.page.one("main").text()
    assert not TELLING.search(browser.answer.text)


async def test_a_page_tells_when_and_where_in_the_words_of_each_language(small: Desk) -> None:
    browser = await asked(small)
    link = browser.link()
    (referral,) = await kept(small)
    at = str(uuid4())
    await put(small, GROUP | {"phone": "212-555-0188", "online": True}, at=at)
    await point(small, referral.referral_id, at)

    english = (await browser.open(link.partition("?")[0] + "?lang=en")).one("main").text()
    spanish = (await browser.open(link.partition("?")[0] + "?lang=es")).one("main").text()

    assert "Tuesday, 6:30 PM to 8:00 PM, Eastern Time. Only in these weeks of the month: 2, 4." in english
    assert "12 Elm Street, back door" in english and "You can join from home." in english
    assert "Please come on your own, with no guests." in english
    assert "Martes, de 18:30 a 20:00, hora oriental. Solo en estas semanas del mes: 2, 4." in spanish
    assert "Ahí se habla: inglés, español" in spanish
    assert [each.told["href"] for each in browser.page.all("a") if "0188" in each.told["href"]] == ["tel:2125550188"]
    assert "St. Mary" not in english + spanish


async def test_a_link_leads_there_by_an_address_of_ours_that_says_nothing_of_anybody(desk: Desk) -> None:
    browser, referral_id, told = await pointed(desk)
    own = str(browser.answer.url)

    way = way_on(browser)
    answer = await desk.http.get(way)

    assert (answer.status_code, answer.headers["location"]) == (303, "https://www.aa.org/find-aa")
    assert answer.headers["referrer-policy"] == "no-referrer" and answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers and answer.content == b""
    assert told["link"] == way and re.fullmatch(r"/ask/to/[\w-]{43}", way)
    assert way.removeprefix("/ask/to/") not in own
    assert not any(each in way for each in (referral_id, told["entry_id"], referral_id.replace("-", "")))


async def test_following_a_link_is_counted_as_linked_once_however_often(desk: Desk) -> None:
    browser, referral_id, told = await pointed(desk)

    for minutes in (1, 2, 3):
        clock.step_to(NOW + timedelta(minutes=minutes))
        await desk.http.get(way_on(browser))

    (now,) = (await record(desk, referral_id))["pointers"]
    assert (now["status"], now["followed"]) == ("linked", 3)
    assert now["linked_at"] == (NOW + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert (await timeline(desk, referral_id)).count("linked") == 1
    figures = await desk.figures()
    assert {name: figures[f"referrals_pointers_{name}"] for name in ("pointed", "linked", "helped")} == {
        "pointed": 1, "linked": 1, "helped": 0,
    }  # fmt: skip
    assert now | {"status": "pointed", "followed": 0, "linked_at": None} == told


@pytest.mark.parametrize(
    "asks", ["?to=https://evil.example", "//evil.example", "/..%2f..%2fevil", "?url=//evil.example", "%00", "x"]
)
async def test_no_link_of_ours_leads_to_an_address_that_a_caller_brings(small: Desk, asks: str) -> None:
    browser, _, _ = await pointed(small)
    way = way_on(browser)

    for path in (way + asks, "/ask/to/" + asks.lstrip("/"), "/ask/to/" + "A" * 43 + asks):
        answer = await small.http.get(path)
        led = answer.headers.get("location", "https://www.aa.org/find-aa")
        assert answer.status_code in (303, 307, 404) and "evil" not in led.partition("?")[0], path


async def test_a_link_that_is_wrong_over_or_old_is_answered_with_the_same_page(desk: Desk) -> None:
    browser, _, told = await pointed(desk)
    entry = next(each for each in await listed(desk) if each["entry_id"] == told["entry_id"])["entry"]
    way = way_on(browser)
    wrong = [await desk.http.get(each) for each in ("/ask/to/" + "A" * 43, way[:-1], way + "A", "/ask/to/x")]

    await desk.ask("POST", f"/directory/{told['entry_id']}/end", who="agency")
    wrong.append(await desk.http.get(way))
    await put(desk, entry, at=told["entry_id"])
    clock.step_to(NOW + timedelta(days=120))
    wrong.append(await desk.http.get(way))

    assert {(each.status_code, each.text) for each in wrong} == {(404, wrong[0].text)}
    assert (await desk.figures())["referrals_pointers_linked"] == 0


async def test_to_point_somebody_there_again_lets_the_link_work_longer(desk: Desk) -> None:
    browser, referral_id, told = await pointed(desk)
    way, until = way_on(browser), datetime.fromisoformat(told["link_until"])

    clock.step_to(until)
    old, (over,) = await desk.http.get(way), (await record(desk, referral_id))["pointers"]
    again = (await point(desk, referral_id, told["entry_id"])).json()
    new = await desk.http.get(way)

    assert (old.status_code, new.status_code) == (404, 303)
    assert (over["link"], over["link_until"], again["link"]) == (None, None, way)
    assert datetime.fromisoformat(again["link_until"]) - until == until - NOW
    assert (await timeline(desk, referral_id)).count("pointed") == 1


async def test_what_is_over_is_told_so_on_the_page_and_leads_nowhere(small: Desk) -> None:
    browser, _, told = await pointed(small)
    await small.ask("POST", f"/directory/{told['entry_id']}/end", who="agency")

    await browser.open(str(browser.answer.url))

    assert "This is not there any more." in browser.page.one("main").text()
    assert "/ask/to/" not in browser.answer.text


async def test_a_person_may_say_that_it_helped_or_is_not_for_them_and_change_their_mind(desk: Desk) -> None:
    browser, referral_id, _ = await pointed(desk)

    await browser.send(said="not_for_me")
    first = (await record(desk, referral_id))["pointers"][0]
    there = browser.page.one("main").text()
    await browser.send(said="helped")
    second = (await record(desk, referral_id))["pointers"][0]

    assert (first["said"], first["status"]) == ("not_for_me", "pointed")
    assert "You told us that this is not for you." in there
    assert (second["said"], second["status"], second["followed"]) == ("helped", "linked", 0)
    assert "You told us that this helped." in browser.page.one("main").text()
    happened = await timeline(desk, referral_id)
    assert [each for each in happened if each in ("pointed", "linked", "helped", "not_for_me")].count("linked") == 1
    assert {"not_for_me", "helped"} <= set(happened)


async def test_nobody_says_anything_of_what_another_was_pointed_to(desk: Desk) -> None:
    mine, referral_id, told = await pointed(desk)
    other = await asked(desk)
    theirs = other.link().partition("?")[0] + "/said"
    way = str(told["link"]).removeprefix("/ask/to/")

    answers = [
        await desk.http.post(theirs, data={"way": way, "said": "helped"}),
        await desk.http.post("/ask/" + "A" * 43 + "/said", data={"way": way, "said": "helped"}),
        await desk.http.post(str(mine.answer.url).partition("?")[0] + "/said", data={"way": way, "said": "cured"}),
        await desk.http.post(str(mine.answer.url).partition("?")[0] + "/said", data={"said": "helped"}),
    ]

    assert [each.status_code for each in answers] == [404] * 4
    assert (await record(desk, referral_id))["pointers"] == [told]


async def test_who_may_be_in_danger_is_pointed_to_a_crisis_line_only_and_sees_no_list(desk: Desk) -> None:
    browser = await asked(desk, risk="yes")
    (referral,) = await kept(desk)
    await put(desk, ONLINE, at=(online := str(uuid4())))

    answers = [await point(desk, referral.referral_id, each) for each in (online, await shipped(desk, "211"))]
    line = await point(desk, referral.referral_id, await shipped(desk, "988"))
    await browser.open(browser.link())

    assert [each.status_code for each in (*answers, line)] == [409, 409, 201]
    assert "crisis_line" in answers[0].text
    assert "/ask/to/" not in browser.answer.text and 'class="elsewhere"' not in browser.answer.text


async def test_what_is_not_for_their_age_is_refused(small: Desk) -> None:
    born = patient(birthDate="2012-05-06")
    referral_id = await small.referred(request(contained=[born]))
    await put(small, ONLINE, at=(online := str(uuid4())))

    answer = await point(small, referral_id, online)

    assert (answer.status_code, answer.json()["title"]) == (409, "This entry is not for somebody of this age")


async def test_nobody_is_pointed_to_nothing_or_for_a_test_or_by_others(small: Desk) -> None:
    entry_id = await shipped(small, "Mental Health America")
    referral_id = await small.referred(request())
    trial = await small.referred(request("R-9"), who="trial-hospital")

    answers = [
        await point(small, referral_id, str(uuid4())),
        await point(small, uuid4(), entry_id),
        await point(small, trial, entry_id),
        await point(small, referral_id, entry_id, who="general-hospital"),
    ]

    assert [each.status_code for each in answers] == [422, 404, 409, 403]


async def test_who_was_referred_by_a_hospital_is_given_the_same_kind_of_link(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    told = (await point(desk, referral_id, await shipped(desk, "211"))).json()

    answer = await desk.http.get(told["link"])

    assert answer.headers["location"] == "https://www.211.org/"
    assert (await record(desk, referral_id))["pointers"][0]["status"] == "linked"


async def test_a_referral_ends_linked_and_its_sender_hears_that_in_neutral_words(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    await point(desk, referral_id, await shipped(desk, "Alcoholics"))

    answer = await close(desk, referral_id)

    task = await desk.task(referral_id)
    assert answer.json()["state"] == "closed" and task == (await desk.told())[-1]
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("cancelled", "linked")
    assert task["statusReason"]["coding"][0]["code"] == "linked"
    assert not TELLING.search(str(await desk.told()))
    assert [each.referral_id for each in await desk.said(ReferralLinked)] == [UUID(referral_id)]
    assert await desk.said(ReferralClosed) == []


async def test_its_sender_hears_the_same_whatever_the_person_was_pointed_to(desk: Desk) -> None:
    told = []
    for number, name in (("R-1", "Narcotics"), ("R-2", "211"), ("R-3", "NAMI")):
        referral_id = await desk.referred(request(number))
        before = await desk.task(referral_id)
        await point(desk, referral_id, await shipped(desk, name))
        assert await desk.task(referral_id) == before
        await close(desk, referral_id)
        task = await desk.task(referral_id)
        mine = {"id", "identifier", "basedOn", "focus"}
        told.append({name: each for name, each in task.items() if name not in mine})

    assert told[0] == told[1] == told[2]


async def test_its_sender_hears_nothing_of_it_without_consent_and_never_sees_it_on_the_timeline(desk: Desk) -> None:
    ids = [await desk.referred(request(), who=who) for who in ("silent-centre", "general-hospital")]
    for each in ids:
        await point(desk, each, await shipped(desk, "Alcoholics"))
        await close(desk, each)

    assert await told_of(desk, "silent-centre") == [("accepted", "accepted")]
    seen = await timeline(desk, ids[1], "general-hospital")
    assert set(seen) & {"pointed", "linked", "helped", "not_for_me"} == set() and "closed" in seen
    assert not TELLING.search(str(await desk.account(ids[1])))


async def test_a_protected_persons_sender_hears_no_more_than_before(desk: Desk) -> None:
    agreed = consent(extension=[])
    drinks = [{"text": "drinks every night"}]
    referral_id = await desk.referred(request(note=drinks, contained=[patient(), agreed]))
    before = await told_of(desk)
    await point(desk, referral_id, await shipped(desk, "Alcoholics"))

    await close(desk, referral_id)

    assert await told_of(desk) == before == [("accepted", "accepted")]


async def test_nothing_ends_linked_without_a_pointer_or_with_somebody_beside_the_person(desk: Desk) -> None:
    alone, beside = await desk.referred(request()), await desk.referred(request("R-2"))
    accepted = (await desk.said(ReferralAccepted))[1]
    await desk.hear(facts(accepted)["match"])
    await point(desk, beside, await shipped(desk, "211"))

    answers = [await close(desk, alone), await close(desk, beside)]

    assert [each.status_code for each in answers] == [409, 409]
    assert f"/referrals/{alone}/pointers" in answers[0].text
    assert await desk.said(ReferralLinked) == []


async def test_linked_is_never_attended_and_never_covered(desk: Desk) -> None:
    insured = coverage(payor=[{"identifier": {"value": "garden-health"}}])
    referral_id = await desk.referred(request(contained=[patient(), insured], insurance=[{"reference": "#c"}]))
    told = (await point(desk, referral_id, await shipped(desk, "Alcoholics"))).json()
    await desk.http.get(told["link"])
    await close(desk, referral_id)

    task, figures = await desk.task(referral_id), await desk.figures()
    async with desk.service.database.reading() as db:
        milestones = await store.milestones_of(db, [UUID(referral_id)])
    assert task["status"] != "completed" and "output" not in task
    assert milestones == {}
    assert (figures["referrals_engaged"], figures["referrals_completed"], figures["referrals_in_closed"]) == (0, 0, 1)
    assert {"first_kept", "missed", "series_ended"} & set(await timeline(desk, referral_id)) == set()


async def test_their_own_page_says_that_they_found_other_help_and_keeps_the_list(desk: Desk) -> None:
    browser, referral_id, _ = await pointed(desk)

    await close(desk, referral_id)
    await browser.open(str(browser.answer.url))

    assert browser.page.by_id("stands").text() == "You found other help"
    assert "The blue list of meetings" in browser.page.one("main").text()
    assert "We could not go on" not in browser.answer.text


async def test_the_store_keeps_what_somebody_was_pointed_to_sealed(desk: Desk) -> None:
    _, _, told = await pointed(desk)

    async with desk.service.database.reading() as db:
        rows = str((await db.execute(text("select * from pointers"))).all())
        rows += str((await db.execute(text("select * from timeline"))).all())

    plain = UUID(told["entry_id"])
    way = str(told["link"]).removeprefix("/ask/to/")
    assert not any(each in rows for each in (str(plain), plain.hex, "Alcoholics", "Kim Lee", way))


async def test_who_comes_too_fast_waits_and_is_counted_no_more(small: Desk) -> None:
    browser, referral_id, _ = await pointed(small)
    way = way_on(browser)

    answers = [await small.http.get(way) for _ in range(80)]

    assert {each.status_code for each in answers} == {303, 429}
    (now,) = (await record(small, referral_id))["pointers"]
    assert now["followed"] == sum(each.status_code == 303 for each in answers)


async def test_an_entry_that_tells_nobody_how_to_look_is_shown_without_a_link(small: Desk) -> None:
    browser = await asked(small)
    link = browser.link()
    (referral,) = await kept(small)
    only = {name: value for name, value in PLAIN.items() if name != "link"}
    await put(small, only, at=(at := str(uuid4())))

    told = (await point(small, referral.referral_id, at)).json()
    await browser.open(link)

    assert told["link"] is None and "/ask/to/" not in browser.answer.text
    assert "12 Elm Street, back door" in browser.page.one("main").text()
