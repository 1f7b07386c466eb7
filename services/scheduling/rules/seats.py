"""What the coverage engine is told, and what it answers: values only."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from shared.events.fact import Minutes, Modality, Units

HELD = frozenset({"attended", "attended_partial"})


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Who insures a person; dates are inclusive, `authorised_units` None with an authorisation is without limit."""

    coverage_id: UUID
    payer: str
    plan_id: str
    member_id: str
    birth_date: date
    diagnosis_class: str | None = None
    covered_from: date | None = None
    covered_to: date | None = None
    ordered_on: date | None = None
    authorisation: str | None = None
    authorised_units: Units | None = None
    restricted: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a supporter is to a payer."""

    networks: frozenset[str] = frozenset()
    credential: str | None = None
    credential_to: date | None = None
    volunteer: bool = False
    npi: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A seat whose outcome is recorded; `started_at` and `minutes` are actual."""

    seat_id: UUID
    outcome: str
    started_at: datetime
    minutes: Minutes
    zone: str
    modality: Modality
    note_status: str
    coverage: Coverage
    supporter: Standing


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A recorded seat of the store, before it is known which coverage counts; `judged` is what was said last."""

    seat_id: UUID
    person_id: UUID
    referral_id: UUID | None
    supporter_id: UUID | None
    outcome: str
    started_at: datetime
    minutes: Minutes
    zone: str
    modality: Modality
    note_status: str
    judged: "Judgement | None"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a payer covers of one seat; `denied` gives for every failing reason the units it concerns."""

    seat_id: UUID
    coverage_id: UUID
    payer: str
    plan_id: str
    service_date: date
    code: str | None = None
    modifiers: tuple[str, ...] = ()
    place_of_service: str | None = None
    rule_version: str | None = None
    units_delivered: Units = 0
    units_covered: Units = 0
    denied: dict[str, Units] = field(default_factory=dict)
    authorisation: str | None = None
    authorised_left: Units | None = None

    @property
    def units_not_covered(self) -> Units:
        """This will give what is left of the delivered units."""
        return self.units_delivered - self.units_covered

    @property
    def reasons(self) -> list[str]:
        """This will list every failing reason."""
        return sorted(self.denied)


def delivered(seat: Recorded, coverage: Coverage, supporter: Standing | None) -> Delivered:
    """This will put together what the engine needs; a supporter not yet heard of has no standing with anybody."""
    return Delivered(
        seat_id=seat.seat_id,
        outcome=seat.outcome,
        started_at=seat.started_at,
        minutes=seat.minutes,
        zone=seat.zone,
        modality=seat.modality,
        note_status=seat.note_status,
        coverage=coverage,
        supporter=supporter or Standing(),
    )
