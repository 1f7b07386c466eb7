"""What people at the programme tell somebody without a consent, because the law lets them or makes them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Ground = Literal["medical_emergency", "serious_threat", "mandated_report"]
"""A medical emergency (42 CFR 2.51), a serious and imminent threat (45 CFR 164.512(j)), abuse or neglect of a child or
a vulnerable adult that must be reported by state law."""

REPORT_WITHIN = timedelta(hours=24)
"""How soon abuse or neglect is reported: most states say at once, or within a day."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was told: `by` whom at the programme, to whom, what, and `at` what moment."""

    report_id: UUID
    person_id: UUID
    ground: Ground
    by: str
    recipient: str
    nature: str
    at: datetime
