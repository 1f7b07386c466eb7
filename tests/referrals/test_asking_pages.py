"""The pages at /ask as a browser has them: whoever sees badly, uses no mouse, or shares a screen can use them."""

import re
from collections.abc import Iterator
from itertools import product

import pytest

from services.referrals.asking import pages
from services.referrals.asking.form import Typed
from shared import clock
from shared.programme import Door, StepIn
from tests.referrals.browser import Browser, Element, filled, parsed
from tests.referrals.makers import NOW, Desk
from tests.referrals.test_asking import ANA, asked
from tests.referrals.test_pointing import pointed

SCRIPT = "<script>alert('Canary')</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}${x}"
FORBIDDEN = {"script", "img", "iframe", "object", "embed", "link", "base", "video", "audio"}


async def every_page(desk: Desk, lang: str = "en") -> dict[str, Browser]:
    """Every kind of page, as somebody comes to it."""
    elsewhere, _, _ = await pointed(desk, lang)
    form, where, gone = Browser(desk.http), Browser(desk.http), Browser(desk.http)
    await form.open(f"/ask?lang={lang}")
    done = await asked(desk, lang)
    await where.open(done.link())
    await gone.open(f"/ask/nothing?lang={lang}")
    wrong = dict.fromkeys(ANA)
    return {
        "form": form,
        "error": await asked(desk, lang, **wrong),
        "done": done,
        "danger": await asked(desk, lang, risk="yes"),
        "where": where,
        "elsewhere": elsewhere,
        "adults": await asked(desk, lang, birth_year="2015"),
        "gone": gone,
    }


@pytest.mark.parametrize("lang", ["en", "es"])
async def test_every_page_says_its_language_and_has_one_title_and_one_heading(small: Desk, lang: str) -> None:
    for name, each in (await every_page(small, lang)).items():
        assert each.page.one("html").told["lang"] == each.answer.headers["content-language"] == lang, name
        assert each.page.one("title").text().endswith(" · Alongside"), name
        assert len(each.page.all("h1")) == len(each.page.all("main")) == 1, name
        levels = [int(heading.name[1]) for heading in each.page.all("h1", "h2", "h3")]
        assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False)), name


@pytest.mark.parametrize("lang", ["en", "es"])
async def test_the_emergency_words_stand_first_on_every_page(small: Desk, lang: str) -> None:
    words = small.service.programme.site("main").emergency_words[lang]

    for name, each in (await every_page(small, lang)).items():
        first = each.page.one("body").all()[0]
        assert (first.name, first.text().replace(" .", ".")) == ("aside", words), name
        assert [link.told["href"] for link in first.all("a")] == ["tel:911", "tel:988"], name


async def test_every_page_forbids_scripts_frames_referrers_and_keeping(small: Desk) -> None:
    for name, each in (await every_page(small)).items():
        policy = each.answer.headers["content-security-policy"]
        assert re.fullmatch(
            r"default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; base-uri 'none'; "
            r"frame-ancestors 'none'",
            policy,
        ), name
        assert each.answer.headers["referrer-policy"] == "no-referrer", name
        assert each.answer.headers["cache-control"] == "no-store", name
        assert each.answer.headers["x-frame-options"] == "DENY", name
        assert "set-cookie" not in each.answer.headers, name


async def test_no_page_runs_or_fetches_anything(small: Desk) -> None:
    for name, each in (await every_page(small)).items():
        elements = each.page.all()
        assert {element.name for element in elements} & FORBIDDEN == set(), name
        told = [attribute for element in elements for attribute in element.told]
        assert [attribute for attribute in told if attribute.startswith("on") or attribute in ("style", "src")] == []
        links = [element.told["href"] for element in each.page.all("a")]
        assert [link for link in links if not re.match(r"/ask|#|tel:", link)] == [], name
        assert "url(" not in each.answer.text and "@import" not in each.answer.text, name


@pytest.mark.parametrize("kind", ["form", "error"])
async def test_every_control_has_a_label_and_every_group_a_legend(small: Desk, kind: str) -> None:
    page = (await every_page(small))[kind].page
    controls = [each for each in page.all("input", "select", "textarea") if each.told.get("type") != "hidden"]
    labelled = [each.told["for"] for each in page.all("label")]

    assert sorted(each.told["id"] for each in controls) == sorted(labelled)
    assert all(each.text() for each in page.all("label"))
    assert [each for each in page.all("fieldset") if len(each.all("legend")) != 1] == []
    grouped = {id(control) for group in page.all("fieldset") for control in group.all("input")}
    alone = [each for each in controls if each.told.get("type") == "radio" and id(each) not in grouped]
    assert alone == []


async def test_every_id_stands_once_and_whatever_is_pointed_at_is_there(small: Desk) -> None:
    for name, each in (await every_page(small)).items():
        ids = [element.told["id"] for element in each.page.all() if "id" in element.told]
        assert sorted(ids) == sorted(set(ids)), name
        pointed = [
            one
            for element in each.page.all()
            for attribute in ("aria-describedby", "aria-labelledby", "for")
            for one in element.told.get(attribute, "").split()
        ]
        pointed += [a.told["href"][1:] for a in each.page.all("a") if a.told["href"].startswith("#")]
        assert set(pointed) <= set(ids), name


async def test_a_mistake_is_told_to_whoever_listens_to_the_page(small: Desk) -> None:
    page = (await every_page(small))["error"].page

    summary = page.by_id("summary")
    assert (summary.told["role"], "autofocus" in summary.told) == ("alert", True)
    phone = page.by_id("phone")
    assert (phone.told["aria-invalid"], phone.told["aria-describedby"]) == ("true", "phone_problem")
    groups = [each for each in page.all("fieldset") if "risk_problem" in each.told.get("aria-describedby", "")]
    assert len(groups) == 1


async def test_a_browser_knows_what_to_fill_in(small: Desk) -> None:
    browser = Browser(small.http)
    page = await browser.open("/ask")

    known = {each.told["name"]: each.told["autocomplete"] for each in page.all() if "autocomplete" in each.told}
    assert known == {
        "first_name": "given-name",
        "birth_month": "bday-month",
        "birth_day": "bday-day",
        "birth_year": "bday-year",
        "phone": "tel",
        "email": "email",
    }


async def test_the_page_is_there_in_the_browsers_language_and_leads_to_the_other(small: Desk) -> None:
    browser = Browser(small.http, {"accept-language": "es-MX,en;q=0.5"})
    page = await browser.open("/ask")

    assert (page.one("html").told["lang"], browser.heading) == ("es", "Pida una persona de apoyo")
    assert filled(page.one("form"))["speaks"] == ["es"]
    (other,) = page.one("nav").all("a")
    assert (other.text(), other.told["lang"], other.told["href"]) == ("English", "en", "/ask?lang=en")
    await browser.send(**{**ANA, "note": "Quiero morirme"})
    assert "Una persona de nuestro equipo le hablará antes de 11:15" in browser.page.one("main").text()
    page = await browser.open(browser.link())
    assert page.by_id("stands").text() == "Una persona hablará con usted"


@pytest.mark.parametrize("name", sorted({*ANA, "email", "form", "speaks", "anything"}))
async def test_what_is_typed_is_shown_as_it_was_typed_and_never_run(small: Desk, name: str) -> None:
    browser = await asked(small, **{"agree": None, "phone": "12", name: SCRIPT})

    elements = browser.page.all()
    assert browser.answer.status_code == 422
    assert {each.name for each in elements} & FORBIDDEN == set()
    assert [each for each in elements if "onerror" in each.told] == []
    assert "<script" not in browser.answer.text
    if name in ("first_name", "birth_day", "phone", "email", "note"):
        assert filled(browser.page.one("form"))[name] == [SCRIPT]


async def test_what_nobody_types_is_left_out(small: Desk) -> None:
    browser = await asked(small, first_name="A\x00n\x07a\u202e", note="one\r\ntwo\x1b[31m", agree=None)

    shown = filled(browser.page.one("form"))
    assert (shown["first_name"], shown["note"]) == (["Ana"], ["one\ntwo[31m"])


async def test_who_looks_at_the_screen_learns_no_more_than_the_programmes_own_name(small: Desk) -> None:
    found = await every_page(small)

    assert [found[each].page.one("title").text() for each in ("form", "done", "where")] == [
        "Ask · Alongside",
        "We have it · Alongside",
        "Where things stand · Alongside",
    ]
    told = found["where"].answer.text.lower() + found["elsewhere"].answer.text.lower()
    assert [each for each in ("ana", "555-0123", "walk", "woman", "1990", "peer", "risk") if each in told] == []


async def test_what_somebody_may_begin_with_is_shown_where_the_site_has_it(small: Desk) -> None:
    browser = await asked(small, site="main")
    told = [each.text() for each in browser.page.one("ol").all("h3")]
    browser_there = await asked(small, site="lakeside")

    assert told == ["Warm line", "Drop in", "One to one"]
    assert browser_there.page.all("ol") == []
    ladder = browser.page.one("ol").text()
    assert "Each day, 4 pm to 10 pm" in ladder and "12 Elm Street" in ladder and "555-0177" in ladder


async def test_words_of_the_programme_are_shown_as_they_are_written(small: Desk) -> None:
    programme = small.service.programme
    site = programme.site("main")
    step_in = StepIn(group=Door(hours={"en": SCRIPT}, phone="<b>1"))
    odd = site.model_copy(update={"step_in": step_in, "emergency_words": {"en": f"911 {SCRIPT}"}, "phone": "<i>2"})
    changed = programme.model_copy(update={"sites": {"main": odd}, "name": SCRIPT})

    page = parsed(pages.Pages(changed, odd).form("en", "number", Typed()))

    assert {each.name for each in page.all()} & (FORBIDDEN | {"b", "i"}) == set()
    assert SCRIPT.replace("\n", " ") in page.one("ol").text()
    assert page.one("footer").text() == "You can also call us at <i>2 ."


def colours(scheme: str) -> dict[str, str]:
    """The colours of a scheme, by name."""
    style = (pages.FOLDER / "look.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light if scheme == "light" else dark))


def brightness(colour: str) -> float:
    """The relative luminance of a colour, as WCAG has it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast of two colours: 1 to 21."""
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


def pairs() -> Iterator[tuple[str, str, float]]:
    """What is written or drawn on what, and the contrast that WCAG 2.2 AA asks for."""
    yield from (
        (ink, ground, 4.5) for ink, ground in product(("ink", "soft", "deep", "wrong"), ("paper", "card", "wash"))
    )
    yield from [("warm-ink", "warm", 4.5), ("on-deep", "deep", 4.5)]
    yield from ((edge, ground, 3.0) for edge, ground in product(("line", "focus", "wrong"), ("paper", "card")))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), list(pairs()))
def test_colours_can_be_told_apart(scheme: str, ink: str, ground: str, least: float) -> None:
    found = colours(scheme)

    assert contrast(found[ink], found[ground]) >= least


async def test_a_page_is_of_the_day_on_which_it_is_read(small: Desk) -> None:
    browser = await asked(small)
    clock.step_to(NOW.replace(month=5))

    page: Element = await browser.open(browser.link())

    assert "This page works until June 30, 2026." in page.one("main").text()
