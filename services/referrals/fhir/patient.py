"""A FHIR Patient as the person a referral is for."""

from services.referrals.fhir import codes
from services.referrals.fhir.resources import ContactPoint, HumanName, Patient
from services.referrals.fhir.words import Identifier, day_of
from services.referrals.rules import order as ours
from shared.clock import now

NAME_ORDER = {"usual": 0, "nickname": 1, "official": 2, None: 3}


def person(patient: Patient, zone: str | None) -> ours.Person:
    """This will give the person; what cannot be used to reach them is left out, and asked for later."""
    name = min(patient.name, key=lambda each: NAME_ORDER.get(each.use, 4), default=HumanName())
    return ours.Person(
        identifiers=identifiers([each for each in patient.identifier if not _of_a_plan(each)]),
        first_name=next((each for each in name.given if each), None) or name.text or None,
        family_name=name.family or None,
        birth_date=day_of(patient.birth_date),
        gender=patient.gender,
        deceased=patient.deceased_boolean or patient.deceased_at is not None,
        languages=languages(patient),
        zone=zone,
        reaches=reaches(patient.telecom),
    )


def identifiers(written: list[Identifier]) -> list[ours.Identifier]:
    """This will keep the identifiers that have a value."""
    return [ours.Identifier(system=each.system or "", value=each.value) for each in written if each.value]


def _of_a_plan(identifier: Identifier) -> bool:
    """This will say whether a number is an insurance's: a family shares it."""
    return bool(identifier.type and {"MB", "SN"} & set(identifier.type.codes()))


def languages(patient: Patient) -> list[str]:
    """This will list the languages the person speaks, the preferred first, each once."""
    spoken = sorted(patient.communication, key=lambda each: not each.preferred)
    known = [codes.language(code) for each in spoken for code in each.language.codes()]
    return list(dict.fromkeys(each for each in known if each))


def reaches(telecom: list[ContactPoint]) -> list[ours.Reach]:
    """This will list the ways to reach somebody, best first: what is old or over, or cannot be dialled, is left out."""
    ranked = sorted(telecom, key=lambda each: each.rank or 2**31)
    found = [_reach(each) for each in ranked if each.use != "old" and not each.period.is_over(now())]
    return list(dict.fromkeys(each for each in found if each))


def _reach(point: ContactPoint) -> ours.Reach | None:
    if point.system == "email":
        address = ours.email(point.value or "")
        return ours.Reach(channel="email", address=address) if address else None
    if point.system not in ("phone", "sms", None):
        return None
    number = ours.phone(point.value or "")
    texts = point.system == "sms" or point.use in ("mobile", None)
    return ours.Reach(channel="sms" if texts else "voice", address=number) if number else None
