"""One telling of something about a person to an organisation, as it is accounted for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Way = Literal["stream", "fhir", "hl7v2", "subscription", "timeline", "follow_up"]
"""The edge by which it left: the status stream, a FHIR Task, an RRI, a call to a subscriber, a timeline,
a count of follow-ups."""


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """What was told to whom, by which way, on which consent; None where it says no more than needs no consent."""

    person_id: UUID
    referral_id: UUID
    recipient: str
    way: Way
    what: str
    part2: bool
    consent_id: UUID | None
    at: datetime
    purpose: str = "treatment"


@dataclass(frozen=True, kw_only=True)
class Accounted:
    """The same told in the same way on the same consent: when first, when last, and how many times."""

    person_id: UUID
    referral_id: UUID
    recipient: str
    way: Way
    what: str
    purpose: str
    part2: bool
    consent_id: UUID | None
    first_at: datetime
    last_at: datetime
    times: int
