"""What is too much, too fast, too late or not ours at /ask is answered in plain words, and loses nothing."""

import asyncio
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from fastapi import Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.referrals.asking import form, links
from services.referrals.http.asking import address_of
from services.referrals.rules.order import Identifier, ReferralOrder
from shared import clock
from shared.events.referrals import ReferralAccepted
from shared.pace import Pace
from shared.programme import Site
from tests.house.test_openings import created
from tests.referrals.browser import Browser, filled, parsed
from tests.referrals.makers import NOW, Desk, service_on, visitor_of
from tests.referrals.test_asking import ANA, asked, kept

MONTHS = timedelta(days=120)


@pytest.mark.parametrize("name", [name for name, each in ANA.items() if isinstance(each, str) and name != "gender"])
async def test_every_field_may_be_missing_and_nothing_breaks(small: Desk, name: str) -> None:
    browser = await asked(small, **{name: None})

    optional = {"first_name", "texts", "note", "when"}
    assert browser.answer.status_code == (201 if name in optional else 422)
    assert len(await kept(small)) == (1 if name in optional else 0)


async def test_the_same_form_sent_twice_at_once_is_one_referral(desk: Desk) -> None:
    browser = Browser(desk.http)
    page = await browser.open("/ask")
    data = filled(page.one("form")) | {name: each if isinstance(each, list) else [each] for name, each in ANA.items()}

    answers = await asyncio.gather(*(desk.http.post("/ask", data=data) for _ in range(8)))

    assert sorted(each.status_code for each in answers) == [200] * 7 + [201]
    assert len({each.text for each in answers}) == 1
    assert len(await kept(desk)) == len(await desk.said(ReferralAccepted)) == 1


@pytest.mark.parametrize("form", [None, "", "x", "y" * 43 + "." + "0" * 32, "\N{SNOWMAN}.a"])
async def test_a_form_that_is_not_ours_is_shown_again_with_a_number_of_ours(small: Desk, form: str | None) -> None:
    browser = await asked(small, form=form)

    assert browser.answer.status_code == 422
    assert "press Send once more" in browser.page.by_id("summary").text()
    assert await kept(small) == []

    await browser.send()

    assert browser.answer.status_code == 201


async def test_a_wrong_link_and_one_that_is_over_get_the_same_answer(desk: Desk) -> None:
    browser = await asked(desk)
    link = browser.link()
    clock.step_to(NOW + MONTHS - timedelta(seconds=1))
    still = await desk.http.get(link)
    clock.step_to(NOW + MONTHS)
    over = await desk.http.get(link)
    others = [await desk.http.get(f"/ask/{each}?lang=en") for each in ("x", "x" * 43, "%00", uuid4(), "A" * 5_000)]
    back = await desk.http.post("/ask/" + "x" * 43 + "/take-back?lang=en")

    assert (still.status_code, over.status_code) == (200, 404)
    assert {each.text for each in [*others, back]} == {over.text}
    assert {each.status_code for each in [*others, back]} == {404}


async def test_the_link_itself_is_nowhere_in_the_store(small: Desk) -> None:
    browser = await asked(small)
    link = browser.link().removeprefix("/ask/").partition("?")[0]
    (referral,) = await kept(small)

    assert link not in referral.order.model_dump_json()
    assert referral.order.identifier == links.number_of(link)
    assert all(link not in str(each) for each in await small.told("agency"))


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(
        st.sampled_from([*ANA, "email", "messages", "speaks", "x"]), st.one_of(st.text(), st.sampled_from(["yes", "9"]))
    ),
    st.booleans(),
)
def test_whatever_is_typed_is_read_or_said_to_be_wrong(typed: dict[str, str], full: bool) -> None:
    raw = urlencode((ANA if full else {}) | typed, doseq=True, errors="replace").encode()
    sites = {each: Site(site_id=each, public_name=each, phone="1") for each in ("main", "lakeside")}

    read = form.read(form.typed_of(raw), Identifier(value="1"), sites=sites, language="en", today=NOW.date())

    assert set(read.wrong) <= set(form.FIELDS)
    assert read.wrong or (read.order.person.reaches and read.order.person.birth_date and read.order.site in sites)
    assert ReferralOrder.model_validate(read.order.model_dump(mode="json")) == read.order


async def test_too_many_forms_from_one_address_are_asked_to_wait_and_lose_nothing(small: Desk) -> None:
    small.service.http.state.asks = Pace(rate=1 / 60, at_once=1)
    await asked(small)

    browser = await asked(small)

    assert browser.answer.status_code == 429
    assert 1 <= int(browser.answer.headers["retry-after"]) <= 60
    assert "Wait 1 min." in browser.page.by_id("summary").text()
    assert filled(browser.page.one("form"))["note"] == [ANA["note"]]
    assert len(await kept(small)) == 1


async def test_too_many_looks_from_one_address_are_asked_to_wait(small: Desk) -> None:
    browser = await asked(small)
    small.service.http.state.looks = Pace(rate=0.001, at_once=1)

    statuses = [(await small.http.get(browser.link())).status_code for _ in range(2)]

    assert statuses == [200, 429]


async def test_while_the_database_is_away_the_form_comes_back_and_the_emergency_words_stand(tmp_path: Path) -> None:
    async with visitor_of(service_on("postgresql://nobody@127.0.0.1:1/none", tmp_path)) as http:
        browser = Browser(http)
        number = filled((await browser.open("/ask")).one("form"))["form"]
        await browser.send(**ANA)
        sent = browser.answer
        looked = await http.get("/ask/" + "x" * 43)

    assert (sent.status_code, looked.status_code) == (503, 503)
    assert "Wait one minute. Then press Send." in browser.page.by_id("summary").text()
    shown = filled(browser.page.one("form"))
    assert (shown["form"], shown["note"]) == (number, [ANA["note"]])
    assert "911" in browser.page.one("aside").text()
    assert "911" in parsed(looked.text).one("aside").text()


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("somewhere", "somewhere"),
    ],
)
def test_who_sends_is_counted_by_address_and_of_the_new_kind_by_its_home(host: str, name: str) -> None:
    assert address_of(Request({"type": "http", "client": (host, 1), "headers": []})) == name


@pytest.mark.parametrize("body", [b"x" * 70_000, b"&".join(b"a%d=1" % each for each in range(100))])
async def test_a_body_that_is_too_much_is_refused_in_plain_words(small: Desk, body: bytes) -> None:
    answer = await small.http.post("/ask", content=body, headers={"content-type": "application/x-www-form-urlencoded"})

    assert answer.status_code == 413
    assert "Please go back, and write less." in answer.text
    assert "911" in answer.text


async def test_a_programme_that_says_nothing_of_it_has_no_form(tmp_path: Path) -> None:
    async with visitor_of(created("referrals", tmp_path)) as http:
        answer = await http.get("/ask")

    assert answer.status_code == 404
