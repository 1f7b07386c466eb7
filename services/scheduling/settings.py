"""The knobs of the scheduling service."""

from importlib.resources import files
from pathlib import Path

from pydantic import Field

from services.scheduling.rules.plans import Plans, read
from shared.settings import ServiceSettings


class Settings(ServiceSettings, service="scheduling"):
    """`series_length` sessions a series, the first at least `lead_hours` ahead; `plans` is a payers' plan file."""

    series_length: int = Field(default=12, ge=1, le=104)
    lead_hours: int = Field(default=24, ge=0, le=24 * 14)
    plans: Path | None = None

    def read_plans(self) -> Plans:
        """This will read the plan file, the one that comes with the service when none is named."""
        source = self.plans.read_text() if self.plans else (files(__package__) / "plans.json").read_text()
        return read(source)
