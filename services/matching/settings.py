"""The knobs of the matching service: `ALONGSIDE_MATCHING_<KNOB>`."""

from pathlib import Path

from shared.settings import ServiceSettings


class Settings(ServiceSettings, service="matching"):
    """`policy` is a JSON file with weights, floors and time-outs; without one the defaults apply."""

    policy: Path | None = None
