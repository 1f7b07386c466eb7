"""Reads what somebody wrote into the form as a referral of themselves, and says what is wrong in which field."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

from services.referrals.asking.words import AGREED, SPOKEN
from services.referrals.rules.minors import ADULT
from services.referrals.rules.order import Agreed, Identifier, Person, Reach, ReferralOrder, Risk, email, phone
from services.referrals.rules.protection import substances
from services.referrals.rules.triage import OLDEST, age
from shared.events.fact import Modality
from shared.events.referrals import Preferences, Window
from shared.programme import Site

MOST_FIELDS, LONGEST_NAME, LONGEST_NOTE, KEPT_OF_A_NOTE = 60, 100, 2_000, 20_000
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
MODALITIES: tuple[Modality, ...] = ("in_person", "video", "audio")
GENDERS = ("woman", "man", "nonbinary")
RISKS: dict[str, Risk] = {"yes": "flagged", "no": "none", "talk": "unknown"}
HOURS = {
    "morning": (range(5), "08:00", "12:00"),
    "afternoon": (range(5), "12:00", "17:00"),
    "evening": (range(5), "17:00", "21:00"),
    "weekend": (range(5, 7), "08:00", "21:00"),
}
"""What somebody may tick for when they are free: weekdays (0 is Monday), from, until."""

FIELDS = ("first_name", "birth", "speaks", "site", "phone", "email", "risk", "note", "agree")
"""Where something may be wrong, as they stand on the page."""

NO_MESSAGES = "Leave no voice message on this phone."
YOUNG = "Says to be under 18: find out who must agree before anything else."


@dataclass(frozen=True)
class Typed:
    """What was typed, to be read, and to be shown again as it was."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """This will give what stands in a field, without what nobody types; nothing where it is missing."""
        found = self.values.get(name, ("",))[0].replace("\r\n", "\n")
        return CONTROLS.sub("", found).strip()

    def has(self, name: str, value: str) -> bool:
        """This will say whether a choice is made."""
        return value in self.values.get(name, ())


def typed_of(raw: bytes) -> Typed:
    """This will read the body of a form; ValueError where it has more fields than ours."""
    pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    values: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        values[name] = (*values.get(name, ()), value)
    return Typed(values)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked: as much of a referral as could be read, what is wrong by field, and whether they are too young.

    `wrong` gives the key of the words for it.
    """

    order: ReferralOrder
    wrong: dict[str, str]
    young: bool


def read(typed: Typed, number: Identifier, *, sites: Mapping[str, Site], language: str, today: date) -> Asked:
    """This will read a form of a programme with these sites, whose pages are in `language`."""
    born, birth_wrong = _born(typed, today)
    site = sites.get(next(iter(sites)) if len(sites) == 1 else typed.one("site"))
    reaches, reach_wrong = _reaches(typed, (site or next(iter(sites.values()))).region)
    spoken = typed.one("speaks") if typed.one("speaks") in SPOKEN else ""
    checks = {
        "first_name": "wrong_first_name" if len(typed.one("first_name")) > LONGEST_NAME else "",
        "birth": birth_wrong,
        "speaks": "" if spoken else "wrong_speaks",
        "site": "" if site else "wrong_site",
        **reach_wrong,
        "risk": "" if typed.one("risk") in RISKS else "wrong_risk",
        "note": "wrong_note" if len(typed.one("note")) > LONGEST_NOTE else "",
        "agree": "" if typed.has("agree", "yes") else "wrong_agree",
    }
    person = Person(
        first_name=" ".join(typed.one("first_name").split())[:LONGEST_NAME] or None,
        birth_date=born,
        languages=[spoken or language],
        reaches=reaches,
    )
    years = age(born, today)
    young = years is not None and years < ADULT
    order = _order(typed, person, number, site=site, language=language, young=young)
    return Asked(order=order, wrong={each: key for each, key in checks.items() if key}, young=young)


def _order(
    typed: Typed, person: Person, number: Identifier, *, site: Site | None, language: str, young: bool
) -> ReferralOrder:
    note, agreed = typed.one("note")[:KEPT_OF_A_NOTE], typed.has("agree", "yes") and not young
    return ReferralOrder(
        identifier=number,
        site=site.site_id if site else None,
        # No answer is no answer, whatever was agreed with the organisation in whose name people ask.
        risk=RISKS.get(typed.one("risk"), "unknown"),
        peer_support_consent=agreed,
        part2=bool(substances([note])),
        person=person,
        preferences=_preferences(typed, person.languages[0]),
        consents=[_agreed(language)] if agreed else [],
        notes=[note, *_for_whoever_calls(typed, person.reaches, young=young)],
    )


def _born(typed: Typed, today: date) -> tuple[date | None, str]:
    """This will give the day, and the key of what is wrong with it."""
    parts = [typed.one(f"birth_{each}") for each in ("year", "month", "day")]
    if not all(parts):
        return None, "wrong_birth_missing"
    if not all(each.isascii() and each.isdecimal() and len(each) <= 4 for each in parts):
        return None, "wrong_birth"
    try:
        born = date(*map(int, parts))
    except ValueError:
        return None, "wrong_birth"
    return (born, "") if 0 <= (age(born, today) or 0) <= OLDEST else (None, "wrong_birth")


def _reaches(typed: Typed, region: str) -> tuple[list[Reach], dict[str, str]]:
    """This will give the ways to reach somebody that can be used, and what is wrong with the others."""
    number, address = typed.one("phone"), typed.one("email")
    dialled = phone(number, region) if number else None
    mailed = email(address) if len(address) <= 200 else None
    found = [Reach(channel="sms" if typed.has("texts", "yes") else "voice", address=dialled)] if dialled else []
    found += [Reach(channel="email", address=mailed)] if mailed else []
    wrong = {
        "phone": "wrong_phone" if number and not dialled else "" if number or address else "wrong_reach",
        "email": "wrong_email" if address and not mailed else "",
    }
    return found, wrong


def _preferences(typed: Typed, spoken: str) -> Preferences:
    wished: dict[str, Any] = {"languages": [spoken]}
    if modalities := [each for each in MODALITIES if typed.has("meet", each)]:
        wished["modalities"] = modalities
    if typed.one("gender") in GENDERS:
        wished["gender"] = typed.one("gender")
    return Preferences(**wished, windows=list(_windows(typed)))


def _windows(typed: Typed) -> Iterator[Window]:
    for name, (days, start, end) in HOURS.items():
        if typed.has("when", name):
            yield from (Window(weekday=each, start=start, end=end) for each in days)


def _agreed(language: str) -> Agreed:
    # Without a date of its own: the same form sent twice says the same.
    scope = f"asked for themselves: words {AGREED}, {language}"
    return Agreed(recipients=["supporter"], purposes=["treatment"], scope=scope)


def _for_whoever_calls(typed: Typed, reaches: list[Reach], *, young: bool) -> Iterator[str]:
    by_phone = any(each.channel != "email" for each in reaches)
    if by_phone and not typed.has("messages", "yes"):
        yield NO_MESSAGES
    if young:
        yield YOUNG
