"""Brings the matching service's database to the schema its store declares."""

from services.matching.store.tables import metadata
from shared.migrations import run

run(metadata)
