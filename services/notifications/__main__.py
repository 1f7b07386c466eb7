"""Runs the notifications service: `python -m services.notifications`."""

from services.notifications.app import create
from services.notifications.settings import Settings
from shared.service import run

if __name__ == "__main__":
    run(create, Settings)
