"""Addresses in one form only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.rules import addresses


@pytest.mark.parametrize("number", ["+1 202-555-0143", "(202) 555-0143", "2025550143", "202.555.0143"])
def test_finds_one_form_for_a_number_however_it_is_written(number: str) -> None:
    assert addresses.phone(number, region="US") == "+12025550143"


@pytest.mark.parametrize("number", ["", "abc", "12", "+999999999999999999", "tel:", "\x00", "+1", "\uff15", "911"])
def test_there_is_no_such_number(number: str) -> None:
    assert addresses.phone(number, region="US") is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@b.org",
        "a@b",
        "a b@c.org",
        "a@b.org,c@d.org",
        "a@b.org\nBcc: c@d.org",
        "A <a@b.org>",
        "a@b.org\r\nX: y",
        "x" * 65 + "@b.org",
        "a@" + "b" * 250 + ".org",
        "é@b.org",
    ],
)
def test_there_is_no_such_mail_address(address: str) -> None:
    assert addresses.mail(address) is None


def test_keeps_a_mail_address_that_exists() -> None:
    assert addresses.mail(" ana.b+c@example.org ") == "ana.b+c@example.org"


@given(st.text(max_size=100))
def test_any_text_is_an_address_or_none(text: str) -> None:
    found = addresses.phone(text, region="US")

    assert found is None or found.startswith("+")
    assert addresses.mail(text) is None or "@" in text
