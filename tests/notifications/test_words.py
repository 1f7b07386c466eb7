"""What people receive: discreet, short, in their language."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.rules import gsm, words
from services.notifications.rules.languages import LANGUAGES
from shared.programme import Site
from tests.notifications.made import SITE, person, session

START = datetime(2026, 5, 14, 19, tzinfo=UTC)
FORBIDDEN = [
    "peer",
    "support",
    "recovery",
    "group",
    "therapy",
    "mental",
    "sober",
    "addiction",
    "diagnosis",
    "crisis",
    "http:",
]
FORBIDDEN_IN_SPANISH = ["apoyo", "grupo", "terapia", "mental", "recuperacion", "adiccion", "diagnostico", "seguro"]
KINDS = ("confirmation", "3d", "1d")
MODALITIES = ("in_person", "video", "audio")
LONG_NAMED = Site(site_id="s", public_name="Alongside Northside West", phone="+1 (202) 555-0100 x123")


def every_text(site: Site = SITE, name: str | None = "Jordan") -> list[str]:
    return [
        words.reminder(
            kind,  # type: ignore[arg-type]
            session(starts_at=START + timedelta(days=39 * month, hours=month), modality=modality),
            person(language=language),
            site,
            name=name,
            channel="sms",
        ).text
        for language, kind, modality, month in itertools.product(LANGUAGES, KINDS, MODALITIES, range(9))
    ]


def every_answer(site: Site = SITE) -> list[str]:
    kinds = ("stop_confirmed", "start_confirmed", "help")
    return [words.answer(kind, site, language=language).text for kind in kinds for language in LANGUAGES]  # type: ignore[arg-type]


def test_reminds_in_the_words_of_the_safe_template() -> None:
    message = words.reminder("1d", session(starts_at=START), person(), SITE, name="Jordan", channel="sms")

    assert message.text == (
        "Northside reminder: you have a visit Thu May 14, 3:00 PM with Jordan. "
        "1=Coming 2=New time 3=Can't come. Help: 555-0100. STOP to end texts."
    )


def test_reminds_in_spanish_and_in_the_persons_own_zone() -> None:
    who = person(language="es-MX", zone=ZoneInfo("America/Los_Angeles"))

    message = words.reminder("3d", session(starts_at=START), who, SITE, name="Jordan", channel="sms")

    assert message.text == (
        "Northside: tiene una visita el jue 14 may, 12:00 p.m. con Jordan. "
        "1=Voy 2=Otra hora 3=No puedo ir. Ayuda: 555-0100. STOP para no recibir textos."
    )


@pytest.mark.parametrize("name", [None, "Jordan", "Maria-Guadalupe"])
@pytest.mark.parametrize("site", [SITE, LONG_NAMED])
def test_every_text_fits_one_message_in_gsm7(site: Site, name: str | None) -> None:
    longest = max([*every_text(site, name), *every_answer(site)], key=gsm.septets)

    assert gsm.septets(longest) <= gsm.LIMIT, longest


def test_no_text_says_why_somebody_is_written_to() -> None:
    for text in [*every_text(), *every_answer()]:
        assert not words.indiscreet(text), text
        assert not [each for each in [*FORBIDDEN, *FORBIDDEN_IN_SPANISH] if each in text.lower()], text


@pytest.mark.parametrize("word", [*FORBIDDEN, "AA", "NA", "NAMI", "Sunrise Recovery Center", "grupo de apoyo"])
def test_knows_an_indiscreet_word_when_it_sees_one(word: str) -> None:
    assert words.indiscreet(f"Your {word} meeting")


def test_every_text_says_how_to_stop() -> None:
    stopped = {words.answer("stop_confirmed", SITE, language=each).text for each in LANGUAGES}

    assert all("STOP" in each for each in [*every_text(), *every_answer()] if each not in stopped)
    assert all("START" in each for each in stopped)


def test_asks_for_digits_and_never_for_words_that_carriers_take_for_something_else() -> None:
    for text in every_text():
        assert "1=" in text
        assert "CANCEL" not in text.upper()
        assert "YES" not in text.upper()


@pytest.mark.parametrize("name", [None, "", "王", "Recovery Rob", "Peer", "x" * 40, "Jo. http://a.b", "$site", "Ann3"])
def test_leaves_out_a_name_that_is_none_or_tells_too_much(name: str | None) -> None:
    message = words.reminder("1d", session(starts_at=START), person(), SITE, name=name, channel="sms")

    assert " with " not in message.text
    assert "$" not in message.text


@pytest.mark.parametrize(
    ("name", "written"), [("José", "José"), ("Zoë", "Zoe"), ("O\u2019Neil", "O'Neil"), ("Iván", "Ivan")]
)
def test_writes_a_name_with_the_letters_a_text_has(name: str, written: str) -> None:
    assert words.safe_name(name) == written


def test_a_mail_has_a_neutral_subject_and_says_whom_to_call() -> None:
    message = words.reminder("1d", session(starts_at=START), person(), SITE, name="Jordan", channel="email")

    assert message.subject == "Your next visit"
    assert "STOP" in message.text
    assert "call 555-0100" in message.text
    assert "1=Coming" not in message.text


def test_emergency_words_are_the_sites_own_in_the_persons_language() -> None:
    site = Site(site_id="s", public_name="N", phone="1", emergency_words={"en": "Call 911.", "es": "Llame al 911."})

    assert words.answer("emergency", site, language="es").text == "Llame al 911."
    assert words.answer("emergency", site, language="fr").text == "Call 911."


@given(st.text())
def test_what_is_plain_is_gsm7_on_one_line(text: str) -> None:
    plain = gsm.plain(text)

    assert all(each in gsm.BASIC | gsm.EXTENDED for each in plain)
    assert "\n" not in plain
    assert "\r" not in plain


def test_counts_septets_as_a_phone_does() -> None:
    assert gsm.septets("a" * 160) == 160
    assert gsm.septets("{}") == 4
    assert gsm.septets("á" * 70) == 160
    assert gsm.septets("á" * 71) > 160


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"public_name": "Sunrise Recovery Center"}, "public_name would tell a stranger"),
        ({"phone": "555-0100 (ask for the recovery desk)"}, "phone would tell a stranger"),
        ({"phone": "5" * 90}, "shorten it"),
    ],
)
def test_complains_of_a_sites_own_words_that_must_not_or_cannot_be_sent(changes: dict[str, str], says: str) -> None:
    found = words.complaints(SITE.model_copy(update=changes))

    assert bool(found) == bool(says)
    assert says in "; ".join(found)
