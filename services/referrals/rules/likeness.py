"""Whether two people may be one human being: what they are looked up by, and what is asked when they have it in common.

Nobody is ever taken for another by a rule: what is in common only asks a person to look. A birth date alone, or none,
says nothing; twins share a phone, a policy and a day of birth, so a given name that is clearly another says no.
"""

import re
from collections.abc import Iterable
from typing import Literal

from services.referrals.rules import names
from services.referrals.rules.order import Identifier, ReferralOrder

Why = Literal["number", "member", "reach", "name", "together"]
Trait = tuple[str, ...]
"""Something that few people have in common, in plain words: only its keyed fingerprint is kept."""

WORDS: dict[Why, str] = {
    "number": "a number that somebody gave them",
    "member": "a member number",
    "reach": "a phone number or an e-mail address",
    "name": "a family name",
}
"""What is shared beside a birth date; `together` is that one referral had numbers of both."""
PERSONAL = re.compile(
    r"(http://hl7\.org/fhir/sid/us-(ssn|mbi|medicare)|(urn:oid:)?2\.16\.840\.1\.113883\.4\.(1|572|927|3\.\d+))"
)
"""Systems whose numbers no two people have: social security, Medicare, driver's licences."""
ONE_SYSTEM = {
    "2.16.840.1.113883.4.1": "http://hl7.org/fhir/sid/us-ssn",
    "2.16.840.1.113883.4.572": "http://hl7.org/fhir/sid/us-medicare",
    "2.16.840.1.113883.4.927": "http://hl7.org/fhir/sid/us-mbi",
}
"""The one name of a system that FHIR names by a URL and HL7 v2 by an OID."""
MADE_UP = {"123456789", "1234567890", "987654321", "012345678"}
"""What is typed where a number is asked for and nobody knows one; so is one digit again and again."""
NO_NUMBER = {
    "", "unknown", "unk", "none", "na", "nil", "null", "no", "test", "tbd", "tba", "pending", "missing", "anonymous",
    "notavailable", "notapplicable", "notassigned", "unassigned", "noid", "nomrn", "nossn", "desconocido", "ninguno",
}  # fmt: skip
"""What is written where somebody has no number, or none that anybody knows."""
CROWD = 8
"""A trait that more people have than this tells nothing: it stands for "unknown", or for everybody at a shelter."""


def traits(order: ReferralOrder) -> frozenset[Trait]:
    """This will give what somebody is looked up by, each with their birth date; nothing where that is not known."""
    person, cover = order.person, order.cover
    if person.birth_date is None:
        return frozenset()
    found: set[Trait] = {each for one in person.identifiers if one.system and (each := _number(one))}
    found |= {("reach", each.address.casefold()) for each in person.reaches}
    found |= {("name", each) for each in names.surnames(person.family_name)}
    if cover and (number := _member(cover.member_id)):
        found.add(("member", number))
    return frozenset((*each, person.birth_date.isoformat()) for each in found)


def _number(identifier: Identifier) -> Trait | None:
    """This will give a number as it is compared: one that is somebody's alone however it is written, unless made up."""
    oid = identifier.system.strip().removeprefix("urn:oid:")
    system = ONE_SYSTEM.get(oid, oid if PERSONAL.fullmatch(oid) else identifier.system)
    if not PERSONAL.fullmatch(system):
        return None if names_nobody(identifier.value) else ("number", system, identifier.value)
    value = _member(identifier.value)
    real = len(value) > 1 and not names_nobody(value) and any(each.isdigit() for each in value)
    return ("number", system, value) if real else None


def names_nobody(value: str) -> bool:
    """This will say whether a number stands where there is none: `UNKNOWN`, `0`, `999-99-9999`."""
    bare = _member(value)
    again_and_again = len(set(bare)) == 1 and (len(bare) > 2 or bare[0] == "0")
    return bare in MADE_UP or bare in NO_NUMBER or again_and_again


def _member(number: str) -> str:
    return re.sub(r"[\W_]", "", number).casefold()


def in_common(mine: Iterable[ReferralOrder], theirs: Iterable[ReferralOrder]) -> tuple[Why, ...]:
    """This will give why two people may be one, by what was said of either; nothing where they are two.

    A number of their own is enough. Anything else is shared by families, and needs given names that may be one.
    """
    others = list(theirs)
    found = {why for one in mine for other in others for why in _in_common(one, other)}
    return tuple(why for why in WORDS if why in found)


def _in_common(one: ReferralOrder, other: ReferralOrder) -> set[Why]:
    shared = traits(one) & traits(other)
    own = any(kind == "number" and PERSONAL.fullmatch(system) for kind, system, *_ in shared)
    if own or _may_be_one(one, other):
        kinds = {kind for kind, *_ in shared if kind != "name" or _both_named(one, other)}
        return {why for why in WORDS if why in kinds}
    return set()


def _may_be_one(one: ReferralOrder, other: ReferralOrder) -> bool:
    mine, theirs = (names.generation(each.person.first_name, each.person.family_name) for each in (one, other))
    if mine and theirs and mine != theirs:
        return False
    return names.may_be_called(one.person.first_name, other.person.first_name)


def contradict(one: ReferralOrder, other: ReferralOrder) -> bool:
    """This will say whether two referrals cannot be of one person: by birth date and given name alike."""
    born = one.person.birth_date, other.person.birth_date
    return all(born) and born[0] != born[1] and not _may_be_one(one, other)


def _both_named(one: ReferralOrder, other: ReferralOrder) -> bool:
    return bool(names.tokens(one.person.first_name) and names.tokens(other.person.first_name))


def in_words(whys: Iterable[Why]) -> str:
    """This will say why two people may be one, for whoever looks."""
    given = list(whys)
    shared = " and ".join(WORDS[each] for each in given if each in WORDS)
    told = [f"The same birth date and {shared}."] if shared else []
    return " ".join([*told, *(["One referral had numbers of both."] if "together" in given else [])])
