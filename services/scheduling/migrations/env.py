"""Brings the scheduling service's database to the schema its store declares."""

from services.scheduling import store
from shared.migrations import run

run(store.metadata)
