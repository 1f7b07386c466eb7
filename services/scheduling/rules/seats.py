"""What the coverage engine is told, and what it answers: values only."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from services.scheduling.rules.authorisations import Authorisation
from services.scheduling.rules.told import Span
from shared.events.fact import Minutes, Modality, Units

HELD = frozenset({"attended", "attended_partial"})


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Who insures a person; dates are inclusive, `authorised_units` None with an authorisation is without limit.

    `spans` and `authorisations` are the insurer's own words (spans None: it has said nothing of the days), the rest is
    what came with the referral.
    """

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
    spans: tuple[Span, ...] | None = None
    authorisations: tuple[Authorisation, ...] = ()

    def covers(self, day: date) -> bool:
        """This will say whether a day lies within the days of the coverage."""
        begun = self.covered_from is None or self.covered_from <= day
        return begun and (self.covered_to is None or day <= self.covered_to)

    @property
    def is_told_of(self) -> bool:
        """This will say whether the insurer told anything of the member."""
        return self.spans is not None or bool(self.authorisations)

    def all_authorisations(self) -> list[Authorisation]:
        """This will list the insurer's authorisations, and the referral's own where the insurer says nothing of it."""
        told = sorted(self.authorisations, key=lambda each: each.number)
        if self.authorisation is None or self.authorisation in {each.number for each in told}:
            return told
        return [*told, Authorisation(number=self.authorisation, units=self.authorised_units)]


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
