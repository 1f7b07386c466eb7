"""By which keyed fingerprints and ids referrals and people are known again."""

from datetime import datetime
from uuid import UUID, uuid5

from services.referrals.rules.likeness import names_nobody, traits
from services.referrals.rules.order import Identifier, ReferralOrder
from shared.ids import dated
from shared.sealed import lookup

REFERRALS = UUID("5f0b7a3e-6a55-5a3e-9d0e-3c8d52d4e1c7")


def placer_of(organisation: str, order: ReferralOrder) -> str:
    """This will give the fingerprint a referral is known by: its placer's identifier, else its whole content."""
    if order.identifier is None:
        return content_of(organisation, order)
    return named_by(organisation, order.identifier)


def named_by(organisation: str, identifier: Identifier) -> str:
    """This will give the fingerprint of a placer's identifier."""
    return lookup("placer", organisation, identifier.system, identifier.value)


def numbered(organisation: str, identifier: Identifier | None) -> str:
    """This will give the fingerprint of a placer's number, whoever gave it; nothing where there is none."""
    return lookup("value", organisation, identifier.value) if identifier else ""


def alike(organisation: str, identifier: Identifier | None) -> str:
    """This will give the fingerprint of a placer's number in whichever case it is written; nothing without one."""
    return lookup("alike", organisation, identifier.value.casefold()) if identifier else ""


def content_of(organisation: str, order: ReferralOrder) -> str:
    """This will give the fingerprint that tells whether a repeat says something else.

    When it was written, and how its number's giver is called besides, are nothing else.
    """
    return lookup("content", organisation, order.model_dump_json(exclude={"authored_at", "namespace"}))


def id_of(organisation: str, placer: str, at: datetime) -> UUID:
    """This will give an id to a new referral, which an organisation's placer knows by this fingerprint."""
    return dated(uuid5(REFERRALS, f"{organisation} {placer}"), at)


def prints_of(organisation: str, order: ReferralOrder) -> tuple[str, ...]:
    """This will give the fingerprints of what an organisation calls a person; what stands for nobody calls nobody."""
    return tuple(person_print(organisation, each) for each in order.person.identifiers if not names_nobody(each.value))


def person_print(organisation: str, identifier: Identifier) -> str:
    """This will give the fingerprint of one thing that an organisation calls a person."""
    return lookup("person", organisation, identifier.system, identifier.value)


def trait_prints(order: ReferralOrder) -> frozenset[str]:
    """This will give the fingerprints by which somebody known from elsewhere is found, whoever referred them."""
    return frozenset(lookup("trait", *each) for each in traits(order))
