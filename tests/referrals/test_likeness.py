"""What makes two people possibly one human being, and what never does."""

from typing import Any
from uuid import UUID

import pytest

from services.referrals.rules import names
from services.referrals.rules.identity import Contradiction, Two, Verdict, answer, everybody, pair, still_asked
from services.referrals.rules.likeness import in_common, traits
from services.referrals.rules.order import ReferralOrder
from tests.referrals.makers import order

SSN = "http://hl7.org/fhir/sid/us-ssn"
PHONE, OTHER_PHONE = "+12125550123", "+12125550199"


def told(member: str | None = None, phone: str | None = PHONE, **changes: Any) -> ReferralOrder:
    """A referral of Ana García, as one organisation tells of her."""
    person = {
        "identifiers": [],
        "first_name": "Ana",
        "family_name": "García",
        "birth_date": "1990-05-06",
        "reaches": [{"channel": "sms", "address": phone}] if phone else [],
        **changes,
    }
    return order(person=person, cover={"member_id": member} if member else None)


def numbered(system: str, value: str, **changes: Any) -> ReferralOrder:
    """A referral that tells nothing of Ana but a number and her birth date."""
    changes = {"first_name": None, "family_name": None, **changes}
    return told(phone=None, identifiers=[{"system": system, "value": value}], **changes)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (told(), told(), ("reach", "name")),
        (told(), told(family_name="Smith"), ("reach",)),
        (told(), told(phone=OTHER_PHONE), ("name",)),
        (told(), told(phone=OTHER_PHONE, first_name="ANA MARÍA", family_name="GARCIA-LOPEZ"), ("name",)),
        (told("G-1001", None), told("g1001", None, family_name="Smith"), ("member",)),
        (told("G-1001", None), told("G 1001", None, first_name=None), ("member",)),
        (numbered(SSN, "078-05-1120"), numbered(SSN, "078-05-1120"), ("number",)),
        (numbered(SSN, "078-05-1120", first_name="Ana"), numbered(SSN, "078-05-1120", first_name="Luis"), ("number",)),
        (numbered("urn:county:clients", "7"), numbered("urn:county:clients", "7"), ("number",)),
    ],
)  # fmt: skip
def test_what_few_share_beside_a_birth_date_asks_a_person(
    one: ReferralOrder, other: ReferralOrder, why: tuple[str, ...]
) -> None:
    assert in_common([one], [other]) == in_common([other], [one]) == why


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (told("G-1001"), told("G-1001", first_name="Luis")),
        (told(), told(birth_date="1961-05-06")),
        (told(birth_date=None), told(birth_date=None)),
        (told(), told(birth_date=None)),
        (told(first_name="Sam", family_name="Lee Jr."), told(first_name="Sam", family_name="Lee, Sr")),
        (told(), told(phone=OTHER_PHONE, family_name="Smith")),
        (told(phone=None, family_name=None), told(phone=None, family_name=None)),
        (told(phone=None, first_name=None), told(phone=None)),
        (numbered("urn:county:clients", "7"), numbered("urn:state:clients", "7")),
        (numbered("", "7"), numbered("", "7")),
        (
            numbered("urn:insurer:members", "7", first_name="Ana"),
            numbered("urn:insurer:members", "7", first_name="Luis"),
        ),
    ],
    ids=[
        "twins", "a mother and a daughter at one phone", "no birth date", "one birth date", "father and son",
        "a birth date and a first name", "nothing but a birth date and a first name", "no first name, and one family",
        "two who count", "a number that nobody gave", "twins on one policy",
    ],
)  # fmt: skip
def test_who_is_another_is_not_asked_about(one: ReferralOrder, other: ReferralOrder) -> None:
    assert in_common([one], [other]) == in_common([other], [one]) == ()


OID = "2.16.840.1.113883.4"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((SSN, "078-05-1120"), (SSN, "078051120")),
        ((SSN, "078-05-1120"), (f"urn:oid:{OID}.1", "078051120")),
        ((f"{OID}.1", "078 05 1120"), (f"urn:oid:{OID}.1", "078051120")),
        (("http://hl7.org/fhir/sid/us-mbi", "1EG4-TE5-MK73"), (f"{OID}.927", "1eg4te5mk73")),
        (("http://hl7.org/fhir/sid/us-medicare", "123-45-6789-A"), (f"urn:oid:{OID}.572", "123456789A")),
        ((f"{OID}.3.36", "D 123"), (f"urn:oid:{OID}.3.36", "D123")),
    ],
)
def test_a_number_of_ones_own_is_the_same_however_it_is_written(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert in_common([numbered(*one)], [numbered(*other, first_name="Luis")]) == ("number",)


@pytest.mark.parametrize("value", ["000-00-0000", "999-99-9999", "123-45-6789", "123456789", "777777777", "-", "N/A"])
@pytest.mark.parametrize("system", [SSN, f"urn:oid:{OID}.1"])
def test_a_number_that_somebody_made_up_is_nobodys(system: str, value: str) -> None:
    one = numbered(system, value, first_name="Ana")

    assert in_common([one], [numbered(system, value, first_name="Luis")]) == () and not traits(one)


def test_a_number_that_an_organisation_gave_is_taken_as_it_is() -> None:
    one, other = numbered("urn:county:clients", "A-1"), numbered("urn:county:clients", "A1")

    assert in_common([one], [other]) == () and in_common([one], [one]) == ("number",)
    assert in_common([numbered("urn:county:clients", "7")], [numbered("urn:county:clients", "7")]) == ("number",)
    assert in_common([numbered("2.16.840.1.113883.4.3.36", "1-1")], [numbered("2.16.840.1.113883.4.3.37", "11")]) == ()


def test_everything_said_of_somebody_counts_whoever_said_it() -> None:
    moved = [told(phone=OTHER_PHONE, family_name="Smith"), told("G-1001", None, family_name="Smith")]

    assert in_common([told()], moved) == ()
    assert in_common([told(), told("G1001", None)], moved) == ("member",)


def test_what_may_be_one_shares_a_trait_that_it_is_looked_up_by() -> None:
    some = [
        told(),
        told("G-1001"),
        told(first_name="Anna"),
        numbered(SSN, "078-05-1120"),
        told(family_name="Garcia Lopez"),
    ]

    for one in some:
        for other in some:
            assert not in_common([one], [other]) or traits(one) & traits(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana", "ANA"), ("José", "Jose"), ("Zoë", "Zoe"), ("Łukasz", "Lukasz"), ("Sara", "Sarah"), ("Jon", "John"),
        ("Stephen", "Steven"), ("Catherine", "Katherine"), ("Eric", "Erik"), ("Robert", "Bob"), ("José", "Pepe"),
        ("Katherine", "Kate"), ("Elizabeth", "Liz"), ("J.", "John"), ("Mary Ann", "Ann"), ("María José", "José"),
        ("Alexander", "Alex"), ("Mohammed", "Muhammad"), ("Dr. Ana", "Ana"), ("Ana", None), ("", "Ana"), ("李", "李"),
        ("Bob", "Robbie"), ("Ольга", "ольга"),
    ],
)  # fmt: skip
def test_one_given_name_is_written_in_many_ways(one: str | None, other: str | None) -> None:
    assert names.may_be_called(one, other) and names.may_be_called(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana", "Luis"), ("Mark", "Mary"), ("Ella", "Emma"), ("Juan", "Pedro"), ("Lily", "Lila"), ("李", "王"),
        ("Al", "Sal"), ("Juan Carlos", "Luis Miguel"),
    ],
)  # fmt: skip
def test_twins_mostly_have_names_that_are_told_apart(one: str, other: str) -> None:
    assert not names.may_be_called(one, other) and not names.may_be_called(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("García Márquez", "Garcia"), ("Gonzales", "González"), ("Smith-Jones", "JONES"), ("de la Cruz", "Cruz"),
        ("O'Brien", "OBrien"), ("Lee Jr.", "Lee"), ("De", "de"), ("Müller", "Muller"),
    ],
)  # fmt: skip
def test_one_family_name_is_written_in_many_ways(one: str, other: str) -> None:
    assert names.surnames(one) & names.surnames(other)


@pytest.mark.parametrize(("one", "other"), [("García", "López"), ("García", None), (None, None), ("de Lee", "de Cruz")])
def test_a_family_name_that_is_another_or_missing_says_nothing(one: str | None, other: str | None) -> None:
    assert not names.surnames(one) & names.surnames(other)


A, B, C, D = (UUID(int=each) for each in range(1, 5))
Found = dict[Two, Verdict | None]


def test_everybody_who_is_found_to_be_the_same_is_one() -> None:
    found: Found = {(A, B): "same", (B, C): "same", (C, D): None}

    groups = everybody(found)

    assert groups[A] == groups[C] == {A, B, C} and groups[D] == {D}


def test_nobody_is_the_same_as_two_who_are_different() -> None:
    found: Found = {(A, B): "same", (A, C): "different"}

    with pytest.raises(Contradiction) as wrong:
        answer(found, pair(C, B), "same")

    assert wrong.value.two == (A, C)


def test_who_is_the_same_by_another_is_not_found_to_be_different() -> None:
    found: Found = {(A, B): "same", (B, C): "same", (A, C): None}

    with pytest.raises(Contradiction) as wrong:
        answer(found, (A, C), "different")

    assert wrong.value.two in ((A, B), (B, C))


def test_a_link_that_was_wrong_is_taken_back_and_its_group_falls_apart() -> None:
    found: Found = {(A, B): "same", (B, C): "same"}

    groups = everybody(answer(found, (B, C), "different"))

    assert (groups[A], groups[C]) == ({A, B}, {C})


def test_nobody_is_asked_what_follows_from_other_answers() -> None:
    found: Found = {(A, B): "same", (B, C): None, (A, C): "different", (A, D): None, (B, D): None}

    assert still_asked(found) == {(A, D)}
    assert still_asked(answer(found, (A, D), "same")) == set()
    assert still_asked(answer(found, (A, B), "different")) == {(B, C), (A, D), (B, D)}
