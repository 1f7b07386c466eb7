"""Runs the matching service: `python -m services.matching`."""

from services.matching.app import create
from services.matching.settings import Settings
from shared.service import run

if __name__ == "__main__":
    run(create, Settings)
