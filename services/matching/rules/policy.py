"""What the programme decided about matching: weights, floors, time-outs; configuration with a version."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.events.fact import Urgency

Share = Annotated[float, Field(ge=0, le=1)]
Points = Annotated[int, Field(ge=0, le=1000)]


class Weights(BaseModel):
    """How much each part of the score counts; the sum is 100."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    challenge: float = 15
    life: float = 10
    pathway: float = 5
    overlap: float = 12
    soon: float = 8
    identity: float = 13
    style: float = 12
    modality: float = 8
    goals: float = 7
    language: float = 5
    load: float = 5

    @model_validator(mode="after")
    def _sum_is_a_hundred(self) -> "Weights":
        if abs(sum(self.model_dump().values()) - 100) > 1e-9 or min(self.model_dump().values()) < 0:
            raise ValueError("the weights are not negative and sum up to 100")
        return self


class Policy(BaseModel):
    """`floor` is a score of 100, `coverage_floor` a share, `answer_hours` business hours, the rest as named."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: str = "2026-1"
    weights: Weights = Weights()
    floor: Annotated[float, Field(ge=0, le=100)] = 50
    coverage_floor: Share = 0.4
    unknown: Share = 0.5
    urgency_points: dict[Urgency, Points] = {"urgent": 60, "priority": 25, "routine": 0}
    points_a_business_day: Points = 3
    points_a_lost_offer: Points = 10
    answer_hours: dict[Urgency, float] = {"routine": 24, "priority": 4, "urgent": 1}
    lost_offers_before_a_person_looks: Annotated[int, Field(ge=1)] = 3
    new_person_counts: float = 1.5
    new_for_days: int = 28
    credential_days: int = 90

    def new_person(self) -> int:
        """This will give what a new person counts, in tenths of a person."""
        return round(self.new_person_counts * 10)
