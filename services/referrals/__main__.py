"""Runs the referrals service: `python -m services.referrals`."""

from services.referrals.app import create
from services.referrals.settings import Settings
from shared.service import run

if __name__ == "__main__":
    run(create, Settings)
