"""Runs the scheduling service: `python -m services.scheduling`."""

from services.scheduling.app import create
from services.scheduling.settings import Settings
from shared.service import run

if __name__ == "__main__":
    run(create, Settings)
