"""The knobs of the matching service: `ALONGSIDE_MATCHING_<KNOB>`."""

from pathlib import Path

from services.matching.rules.policy import Policy
from shared.settings import ServiceSettings


class Settings(ServiceSettings, service="matching"):
    """`policy` is a JSON file with weights, floors and time-outs; without one the defaults apply."""

    policy: Path | None = None

    def decided(self) -> Policy:
        """This will read the policy file, or give the defaults; ValueError says where it is wrong."""
        return Policy() if self.policy is None else Policy.model_validate_json(self.policy.read_bytes())
